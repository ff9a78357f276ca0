/**
 * A task that stands for the output of another, by id and place: for outputs whose task can no longer be made. Unaware
 * of where the id and the place come from.
 *
 * @module
 */

import { validate } from "@std/uuid";
import { StardagError } from "../errors.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import type { Output, Schema } from "../schema.ts";
import { getSerializer } from "../serializers/select.ts";
import { Serializable } from "../serializers/serializable.ts";
import { getTarget } from "../targets/factory.ts";
import type { LoadableSaveableFileSystemTarget } from "../targets/target.ts";
import type { AutoTask } from "./auto_task.ts";
import { TASK_BRAND, type TaskBody } from "./task.ts";
import { OWN_BODY } from "./task_body.ts";
import { TASK_TYPE, type TaskType, typeId } from "./type_registry.ts";

/** What `aliasTask` takes. */
export interface AliasTaskOptions<O extends Schema> {
  /** Id of the task whose output it is: what depends on the alias has the ids of what depends on that task. */
  readonly id: string;
  /** Where the output is. */
  readonly uri: string;
  /** What it loads. */
  readonly output: O;
  /** The body of that task, where known; kept in the JSON. */
  readonly body?: TaskBody | undefined;
}

/**
 * A task in place of another one whose output is there but which cannot be made any more, e.g. after its parameters have
 * changed. It never runs; tasks that depend on it have the same ids as if they depended on the other.
 *
 * Throws `TypeError` when the id is no UUID.
 */
export function aliasTask<O extends Schema>(
  options: AliasTaskOptions<O>,
): AutoTask<Output<O>> {
  checkOptions(options, ["id", "uri", "output", "body"], "make an alias of a task");
  return Object.freeze(new AliasTask<Output<O>>(options));
}

class AliasTask<T> implements AutoTask<T> {
  readonly id: string;
  readonly #uri: string;
  readonly #type: TaskType;
  readonly #body: TaskBody;

  constructor({ id, uri, output, body = {} }: AliasTaskOptions<Schema>) {
    if (typeof id !== "string" || !validate(id)) {
      throw new TypeError(`Cannot make an alias of the task ${describe(id)}: give its id, a UUID`);
    }
    if (typeof uri !== "string" || uri === "") {
      throw new TypeError(
        `Cannot make an alias of the task ${id}: its uri is ${
          describe(uri)
        }. Give the place of the output`,
      );
    }
    const name = typeof body.__name === "string" ? body.__name : "alias";
    const namespace = typeof body.__namespace === "string" ? body.__namespace : "";
    this.id = id.toLowerCase();
    this.#uri = uri;
    this.#body = Object.freeze({ __aliased: Object.freeze({ id: this.id, uri }), ...body });
    this.#type = {
      id: typeId(namespace, name),
      namespace,
      name,
      version: this.version,
      parameters: [],
      output,
      module: undefined,
      declaredAt: { url: "alias:", position: "" },
      hasInsignificant: false,
      policy: undefined,
      make: () => this,
    };
  }

  get version(): string {
    return typeof this.#body?.version === "string" ? this.#body.version : "";
  }

  get [TASK_BRAND](): true {
    return true;
  }

  get [TASK_TYPE](): TaskType {
    return this.#type;
  }

  get [OWN_BODY](): TaskBody {
    return this.#body;
  }

  output(): LoadableSaveableFileSystemTarget<T> {
    return new Serializable<T>(getTarget(this.#uri), getSerializer(this.#type.output!) as never);
  }

  complete(): Promise<boolean> {
    return this.output().exists();
  }

  requires(): undefined {
    return undefined;
  }

  load(): Promise<T> {
    return this.output().load();
  }

  run(): never {
    throw new StardagError(
      `Cannot run ${this}: an alias only stands for an output, and there is none at "${this.#uri}". Give the place where it is`,
    );
  }

  toJSON(): TaskBody {
    return this.#body;
  }

  toString(): string {
    return `${this.#type.id}(alias of ${this.#uri}) ${this.id.slice(0, 8)}`;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}
