/**
 * Instances of classes that know themselves how they are stored.
 *
 * @module
 */

import { z } from "zod";
import { messageOf, StardagError } from "../errors.ts";
import { describe } from "../json.ts";
import type { SchemaOf } from "../schema.ts";
import type { FileSystemTarget } from "../targets/target.ts";
import { cannotLoad, checkLoaded, checkSaved } from "./check.ts";
import type { Serializer } from "./serializer.ts";

/** An instance that writes itself to a file. */
export interface SelfSerializing {
  /** Writes all that `load` of the class needs, in one go: the output is there as soon as it ends. */
  dump(target: FileSystemTarget): void | Promise<void>;
}

/** The class of such instances. */
export interface SelfSerializingClass<T extends SelfSerializing> {
  /** Name of the class. */
  readonly name: string;
  /** What instances have in common. */
  readonly prototype: T;
  /** Extension of the files, without the dot; none unless told. */
  readonly extension?: string | undefined;
  /** Makes the instance again. */
  load(target: FileSystemTarget): T | Promise<T>;
}

/**
 * Instances of one class, by its own `dump(target)` and `static load(target)`. It is what an output of
 * `z.instanceof(Class)` gets when the class has both.
 */
export class SelfSerializer<T extends SelfSerializing> implements Serializer<T> {
  /** What the class says in `static extension`; empty when it says nothing. */
  readonly extension: string;
  readonly #Class: SelfSerializingClass<T>;
  readonly #schema: SchemaOf<T>;

  /** `schema` says more about the instances; any of the class will do without it. */
  constructor(Class: SelfSerializingClass<T>, schema?: SchemaOf<T>) {
    if (!isSelfSerializing(Class)) {
      throw new TypeError(
        `Cannot use ${
          describe(Class)
        } in SelfSerializer: it is no class with static load(target) and dump(target). Add them, or use another serializer`,
      );
    }
    this.#Class = Class;
    this.extension = Class.extension ?? "";
    this.#schema = schema ??
      z.instanceof(Class as SelfSerializingClass<T> & (abstract new () => T)) as SchemaOf<T>;
  }

  /** Lets the instance write itself. */
  async dump(value: T, target: FileSystemTarget): Promise<void> {
    await (checkSaved(this.#schema, value, target).encoded as T).dump(target);
  }

  /** Lets the class read it; what it throws is the `cause` of a `SerializationError`, unless it is of this package. */
  async load(target: FileSystemTarget): Promise<T> {
    let value: T;
    try {
      value = await this.#Class.load(target);
    } catch (error) {
      if (error instanceof StardagError) throw error;
      throw cannotLoad(target, `${this.#Class.name}.load(): ${messageOf(error)}`, { cause: error });
    }
    return checkLoaded(this.#schema, value, target);
  }
}

/** Whether it is a class that {@linkcode SelfSerializer} can use. */
export function isSelfSerializing(
  Class: unknown,
): Class is SelfSerializingClass<SelfSerializing> {
  if (typeof Class !== "function") return false;
  const { load, prototype } = Class as Partial<SelfSerializingClass<SelfSerializing>>;
  return typeof load === "function" && typeof prototype?.dump === "function";
}
