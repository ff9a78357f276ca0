/**
 * What was removed, or would be: as data, as JSON, and for a person. Unaware of how it is found, and of colours.
 *
 * @module
 */

import { count } from "../builders/summary.ts";
import { visible } from "../json.ts";
import { ageText, sizeText } from "./amounts.ts";
import type { RemovalError, RemovedItem, RemovedKind } from "./removal.ts";
import { tableText } from "./table_text.ts";

/** How many outputs are named, and how many types and errors. */
const MOST_OUTPUTS = 10;
const MOST_TYPES = 30;
const MOST_ERRORS = 5;

/** What is called how besides outputs. */
const OTHERS: readonly (readonly [RemovedKind, string, string])[] = [
  ["temporary", "file of a dead writer", "files of dead writers"],
  ["unfinished_write", "write that was given up", "writes that were given up"],
  ["lock", "lock that nobody holds", "locks that nobody holds"],
  ["index", "file of the index", "files of the index"],
];

/** What is removed, as JSON. */
export interface RemovalJson {
  /** Whether nothing was removed. */
  readonly dryRun: boolean;
  /** How many outputs were removed, or would be. */
  readonly outputs: number;
  /** What all of it takes, in bytes. */
  readonly size: number;
  /** All of it. */
  readonly items: readonly RemovedItem[];
  /** What could not be removed. */
  readonly errors: readonly RemovalError[];
}

/** What was removed, or would be; `String(removal)` is what a person wants to read. */
export class Removal {
  /** Whether nothing was removed: it was only looked at what would be. */
  readonly dryRun: boolean;
  /** What was removed, or would be. */
  readonly items: readonly RemovedItem[];
  /** What could not be removed. */
  readonly errors: readonly RemovalError[];

  /** Made by `removeOutputs()`. */
  constructor(details: Pick<Removal, "dryRun" | "items" | "errors">) {
    this.dryRun = details.dryRun;
    this.items = details.items;
    this.errors = details.errors;
  }

  /** The outputs among it. */
  get outputs(): readonly RemovedItem[] {
    return this.items.filter(({ kind }) => kind === "output");
  }

  /** What all of it takes, in bytes. */
  get size(): number {
    return this.items.reduce((size, item) => size + item.size, 0);
  }

  /** All of it as plain data. */
  toJSON(): RemovalJson {
    const { dryRun, outputs, size, items, errors } = this;
    return { dryRun, outputs: outputs.length, size, items, errors };
  }

  /** It for a person, with the first outputs; all of them with `mostOutputs` of `Infinity`. */
  toString(mostOutputs = MOST_OUTPUTS): string {
    return [this.#title(), ...outputLines(this.outputs, mostOutputs), ...errorLines(this.errors)]
      .join("\n");
  }

  #title(): string {
    const { dryRun, outputs, size } = this;
    if (outputs.length === 0) return "There is no output to remove";
    const what = `${count(outputs.length, "output", "outputs")}, ${sizeText(size)}`;
    return dryRun ? `Would remove ${what}` : `Removed ${what}`;
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** Outputs that stay. */
export interface KeptOutputs {
  /** How many of them the tasks reach. */
  readonly reached: number;
  /** How many nobody reaches, and are too young. */
  readonly recent: number;
  /** How many nobody reaches, and whose tasks are locked: they may be under way. */
  readonly locked: number;
}

/** How many outputs of a type there are. */
export interface GarbageType {
  /** Namespace and name. */
  readonly type: string;
  /** How many were removed, or would be. */
  readonly removed: number;
  /** What these take, in bytes. */
  readonly size: number;
  /** How many stay. */
  readonly kept: number;
  /** Whether some task that is reached is of it: if none is, another pipeline may need them that was not named. */
  readonly isNeeded: boolean;
}

/** What stays because somebody may be writing it: what dead writers have left is not known from it until it is old. */
export interface UnderWayCount {
  /** How many temporary files and folders. */
  readonly temporaries: number;
  /** How many uploads to remote stores. */
  readonly unfinishedWrites: number;
  /** When all of them are old enough to be removed, but for those whose writers are known to live. */
  readonly until: Date | undefined;
}

/** Garbage as JSON. */
export interface GarbageJson extends RemovalJson {
  /** The roots that were looked through. */
  readonly roots: readonly string[];
  /** How many outputs stay. */
  readonly kept: KeptOutputs;
  /** How many of each type. */
  readonly types: readonly GarbageType[];
  /** What may be being written. */
  readonly underWay: UnderWayCount;
}

/** What no task needs any more; `String(garbage)` is what a person wants to read. */
export class Garbage extends Removal {
  /** The roots that were looked through. */
  readonly roots: readonly string[];
  /** How many outputs stay, and why. */
  readonly kept: KeptOutputs;
  /** How many of each type, those of which most is removed first. */
  readonly types: readonly GarbageType[];
  /** What may be being written, and stays until it is old. */
  readonly underWay: UnderWayCount;
  /** What was not to be removed because it is too young, in milliseconds. */
  readonly minAge: number;

  /** Made by `gc()`. */
  constructor(
    details:
      & Pick<Garbage, "roots" | "kept" | "types" | "underWay" | "minAge">
      & Pick<Removal, "dryRun" | "items" | "errors">,
  ) {
    super(details);
    this.roots = details.roots;
    this.kept = details.kept;
    this.types = details.types;
    this.underWay = details.underWay;
    this.minAge = details.minAge;
  }

  /** All of it as plain data. */
  override toJSON(): GarbageJson {
    const { roots, kept, types, underWay } = this;
    return { ...super.toJSON(), roots, kept, types, underWay };
  }

  /** It for a person, with the first outputs; all of them with `mostOutputs` of `Infinity`. */
  override toString(mostOutputs = MOST_OUTPUTS): string {
    return garbageText(this, mostOutputs);
  }
}

function garbageText(garbage: Garbage, mostOutputs: number): string {
  const { items, outputs, types, dryRun, size } = garbage;
  const kept = keptText(garbage);
  const last = [...underWayLines(garbage.underWay), ...errorLines(garbage.errors)];
  const others = OTHERS.flatMap(([kind, one, many]) => {
    const found = items.filter((item) => item.kind === kind).length;
    return found === 0 ? [] : [count(found, one, many)];
  });
  if (items.length === 0) {
    return [`There is no garbage; kept ${kept}`, ...last].join("\n");
  }
  const what = [count(outputs.length, "output", "outputs"), ...others].join(", ");
  const lines = [`${dryRun ? "Would remove" : "Removed"} ${what}: ${sizeText(size)}`];
  if (outputs.length > 0) {
    lines.push("", ...typeLines(types, dryRun), ...strangerLines(garbage));
    lines.push("", ...outputLines(outputs, mostOutputs));
  }
  return [...lines, "", `Kept ${kept}`, ...last].join("\n");
}

/** Types of which somebody else may need the outputs. */
function strangerLines({ types, dryRun }: Garbage): readonly string[] {
  const { length } = types.filter(({ removed, isNeeded }) => removed > 0 && !isNeeded);
  if (length === 0) return [];
  const are = count(length, "type is", "types are");
  const hint = dryRun ? ": name the pipelines that need them, too" : "";
  return [`  ${are} of none of the tasks named, nor of what these need${hint}`];
}

function underWayLines({ temporaries, unfinishedWrites, until }: UnderWayCount): readonly string[] {
  const parts = [
    ...temporaries > 0 ? [count(temporaries, "temporary file", "temporary files")] : [],
    ...unfinishedWrites > 0 ? [count(unfinishedWrites, "upload", "uploads")] : [],
  ];
  if (parts.length === 0) return [];
  const stay = temporaries + unfinishedWrites === 1 ? "stays" : "stay";
  const time = until === undefined ? "" : ` for ${ageText(until.getTime() - Date.now())}`;
  return [`${parts.join(" and ")} may be under way, and ${stay}${time}`];
}

function keptText({ kept, minAge }: Garbage): string {
  const { reached, recent, locked } = kept;
  const are = reached === 1 ? "is" : "are";
  const parts = [`${are} ${count(reached, "output", "outputs")} that the tasks reach`];
  if (recent > 0) parts.push(`${recent} younger than ${ageText(minAge)}`);
  if (locked > 0) parts.push(`${locked} that may be under way`);
  return parts.join(", ");
}

function typeLines(types: readonly GarbageType[], dryRun: boolean): readonly string[] {
  const rows = types.slice(0, MOST_TYPES).map(({ type, removed, size, kept }) => [
    type,
    removed,
    sizeText(size),
    kept,
  ]);
  const lines = [...tableText(["type", dryRun ? "to remove" : "removed", "size", "kept"], rows)];
  const more = types.length - MOST_TYPES;
  if (more > 0) lines.push(`  ... and ${count(more, "more type", "more types")}`);
  return lines;
}

function outputLines(outputs: readonly RemovedItem[], most: number): readonly string[] {
  const now = Date.now();
  const rows = outputs.slice(0, most).map(({ id = "", typeId = "", size, modified, uri }) => [
    id.slice(0, 8),
    typeId,
    sizeText(size),
    ageText(now - modified.getTime()),
    uri,
  ]);
  if (rows.length === 0) return [];
  const lines = [...tableText(["id", "type", "size", "age", "output"], rows)];
  if (outputs.length > most) lines.push(`  ... and ${outputs.length - most} more`);
  return lines;
}

function errorLines(errors: readonly RemovalError[]): readonly string[] {
  if (errors.length === 0) return [];
  const lines = errors.slice(0, MOST_ERRORS).map(({ message }) => `  ${visible(message)}`);
  if (errors.length > MOST_ERRORS) lines.push(`  ... and ${errors.length - MOST_ERRORS} more`);
  return ["", `Could not remove ${errors.length}`, ...lines];
}
