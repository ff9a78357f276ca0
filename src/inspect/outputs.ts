/**
 * Outputs that are there, by type: as data, as JSON, and for a person. Unaware of how they are found, and of colours.
 *
 * @module
 */

import { count } from "../builders/summary.ts";
import { ageText, sizeText } from "./amounts.ts";
import { shortenedText } from "./leaves.ts";
import { tableText } from "./table_text.ts";

const MOST_CHARACTERS = 60;

/** An output that is there. */
export interface ListedOutput {
  /** Id of its task. */
  readonly id: string;
  /** Namespace and name of the type; where the index does not tell it, as the folder does. */
  readonly typeId: string;
  /** Where it is; with a slash at its end where it is a folder. */
  readonly uri: string;
  /** In bytes. */
  readonly size: number;
  /** When it was written. */
  readonly modified: Date;
  /** The parameters by which it was built, a nested task as `{ id }`; `undefined` where the index does not tell. */
  readonly parameters: Readonly<Record<string, unknown>> | undefined;
}

/** The outputs of one type. */
export interface ListedType {
  /** Namespace and name. */
  readonly type: string;
  /** How many there are. */
  readonly count: number;
  /** What they take, in bytes. */
  readonly size: number;
  /** When the newest was written. */
  readonly newest: Date;
  /** When the oldest was written. */
  readonly oldest: Date;
}

/** Outputs as JSON. */
export interface OutputListJson {
  /** The roots that were looked through. */
  readonly roots: readonly string[];
  /** How many outputs there are. */
  readonly count: number;
  /** What they take, in bytes. */
  readonly size: number;
  /** Of each type. */
  readonly types: readonly ListedType[];
  /** Each of them, where one type was asked for. */
  readonly outputs?: readonly ListedOutput[] | undefined;
}

/** Outputs that are there; `String(list)` is what a person wants to read. */
export class OutputList {
  /** The roots that were looked through. */
  readonly roots: readonly string[];
  /** The type that was asked for, if one was. */
  readonly type: string | undefined;
  /** The outputs, by type, and those of one type with the newest first. */
  readonly outputs: readonly ListedOutput[];

  /** Made by `listOutputs()`. */
  constructor(details: Pick<OutputList, "roots" | "type" | "outputs">) {
    this.roots = details.roots;
    this.type = details.type;
    this.outputs = details.outputs;
  }

  /** What all of them take, in bytes. */
  get size(): number {
    return this.outputs.reduce((size, output) => size + output.size, 0);
  }

  /** How many there are of each type, by name. */
  get types(): readonly ListedType[] {
    const types = new Map<string, { count: number; size: number; newest: Date; oldest: Date }>();
    for (const { typeId, size, modified } of this.outputs) {
      const type = types.get(typeId);
      if (type === undefined) {
        types.set(typeId, { count: 1, size, newest: modified, oldest: modified });
      } else {
        type.count++;
        type.size += size;
        if (modified > type.newest) type.newest = modified;
        if (modified < type.oldest) type.oldest = modified;
      }
    }
    return Array.from(types, ([type, each]) => ({ type, ...each }));
  }

  /** All of it as plain data; single outputs where one type was asked for. */
  toJSON(): OutputListJson {
    const { roots, type, outputs, size, types } = this;
    return {
      roots,
      count: outputs.length,
      size,
      types,
      outputs: type === undefined ? undefined : outputs,
    };
  }

  /** It for a person: the types, or the outputs of the one that was asked for. */
  toString(): string {
    return this.type === undefined ? typesText(this) : outputsText(this, this.type);
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

function typesText({ types, outputs, size, roots }: OutputList): string {
  if (outputs.length === 0) return `No outputs below ${roots.join(", ")}`;
  const now = Date.now();
  const rows = types.map(({ type, count, size, newest, oldest }) => [
    type,
    count,
    sizeText(size),
    ageText(now - newest.getTime()),
    ageText(now - oldest.getTime()),
  ]);
  const total = `${count(outputs.length, "output", "outputs")}, ${sizeText(size)}`;
  return [
    `${total}, below ${roots.join(", ")}`,
    "",
    ...tableText(["type", "outputs", "size", "newest", "oldest"], rows),
  ].join("\n");
}

function outputsText({ outputs, roots }: OutputList, type: string): string {
  if (outputs.length === 0) return `No outputs of "${type}" below ${roots.join(", ")}`;
  const now = Date.now();
  const rows = outputs.map(({ id, size, modified, parameters, uri }) => [
    id.slice(0, 8),
    sizeText(size),
    ageText(now - modified.getTime()),
    parametersText(parameters),
    uri,
  ]);
  return tableText(["id", "size", "age", "parameters", "output"], rows).join("\n");
}

function parametersText(parameters: ListedOutput["parameters"] = {}): string {
  const parts = Object.entries(parameters).map(([name, value]) =>
    `${name}=${JSON.stringify(value).replaceAll(NESTED, "$1")}`
  );
  return shortenedText(parts.join(" "), MOST_CHARACTERS);
}

const NESTED = /\{"id":"([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"\}/g;
