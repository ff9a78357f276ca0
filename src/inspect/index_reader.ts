/**
 * Reads the index of outputs that builds keep below a root: what was built, newest first. Lines that are half-written or
 * from elsewhere are passed over. Unaware of what is still there, and of how lines are written.
 *
 * @module
 */

import {
  BEFORE_ID,
  BEFORE_TASK,
  INDEX,
  INDEX_FORMAT,
  indexFolder,
  usualPlace,
} from "../builders/output_index_writer.ts";
import { TargetNotFoundError } from "../errors.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { listUris } from "../targets/listing.ts";
import { idOfText } from "../tasks/task_id.ts";
import { typeId } from "../tasks/type_registry.ts";
import { endOfValue } from "./canonical_text.ts";

/** How many files are read at once, once the first ones were not enough. */
const LANES = 16;
const LINE_END = 10;
const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const ID_LENGTH = 36;
const ID_AT = BEFORE_ID.length;
const TASK_AT = ID_AT + ID_LENGTH + BEFORE_TASK.length;
/** How a line begins: characters that may be any ones are zeros. */
const BEGINNING = encoded(BEFORE_ID + "\0".repeat(ID_LENGTH) + BEFORE_TASK + "{");
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What a type may be called. */
const TYPE = /^[^\s\p{Cc}]+$/u;
/** The last moment that is a date. */
const MOST_TIME = 8.64e15;
/** A text of more brackets in each other is none of a task: who goes down into it may run out of stack. */
const MOST_DEPTH = 200;

/** A task that has run, as the index tells. */
export interface IndexedTask {
  /** Id of the task. */
  readonly id: string;
  /** Namespace and name of its type. */
  readonly typeId: string;
  /** The text that the id is made of: JSON, a nested task as `{"id": ...}`. */
  readonly canonical: string;
  /** Where its output was stored: the full uri. `undefined` where that is below no root. */
  readonly uri: string | undefined;
  /** When. */
  readonly builtAt: Date;
  /** By which build; `undefined` where the build had no registry, and so no id. */
  readonly buildId: string | undefined;
  /** Ids of what the task required and does not have in its parameters: what it yielded, first of all. */
  readonly requires: readonly string[];
}

/** An output that was built below a root, as the index tells. */
export interface IndexedOutput extends IndexedTask {
  /** Where it was stored: the full uri. */
  readonly uri: string;
}

/** The ids of all that the task required, and yielded. */
export function requiredIds({ canonical, requires }: IndexedTask): readonly string[] {
  const nested = canonical.matchAll(/\{"id":"([0-9a-f-]{36})"\}/g);
  return [...new Set([...Array.from(nested, ([, id]) => id!), ...requires])];
}

/** The index below one root. */
export class OutputIndexReader {
  /** The root, as a target factory gives it: with a slash at its end. */
  readonly root: string;

  /** Reads nothing yet. */
  constructor(root: string) {
    this.root = root;
  }

  /** Each output once, as it was built last, newest first; of one type where one is given. */
  async *outputs(typeId?: string): AsyncGenerator<IndexedOutput, void, void> {
    const seen = new Set<string>();
    for await (const segment of this.segments(typeId)) {
      for (const start of segment.starts.toReversed()) {
        const output = segment.outputAt(start);
        if (output === undefined || seen.has(output.id)) continue;
        seen.add(output.id);
        yield output;
      }
    }
  }

  /** The files of the index, newest first. */
  async *segments(typeId?: string): AsyncGenerator<Segment, void, void> {
    const folder = typeId === undefined ? this.root + INDEX : indexFolder(this.root, typeId);
    const uris = await Array.fromAsync(listUris(folder));
    const newest = uris.filter((uri) => uri.endsWith(".jsonl"))
      .map((uri) => ({ uri, name: uri.slice(uri.lastIndexOf("/")) }))
      .sort((a, b) => a.name < b.name ? 1 : -1);
    for (
      let at = 0, lanes = 1;
      at < newest.length;
      at += lanes, lanes = Math.min(2 * lanes, LANES)
    ) {
      const read = newest.slice(at, at + lanes).map(({ uri }) => this.#segment(uri));
      for (const segment of await Promise.all(read)) {
        if (segment !== undefined && (typeId ?? segment.typeId) === segment.typeId) yield segment;
      }
    }
  }

  async #segment(uri: string): Promise<Segment | undefined> {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await targetFactoryProvider.get().getTarget(uri).bytes();
    } catch (error) {
      if (error instanceof TargetNotFoundError) return undefined; // somebody has removed it
      throw error;
    }
    const head = parsed(textOf(bytes.subarray(0, Math.max(0, bytes.indexOf(LINE_END)))));
    if (head?.format !== INDEX_FORMAT || !isText(head.type, TYPE)) return undefined;
    const buildId = isText(head.build, UUID) ? head.build : undefined;
    const around = areTexts(head.around) ? head.around : [];
    return new Segment(bytes, { uri, root: this.root, typeId: head.type, around, buildId });
  }
}

/** One file of the index: outputs of one type, in the order in which one build made them. */
export class Segment {
  /** All of it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the file is. */
  readonly uri: string;
  /** The type of all its outputs. */
  readonly typeId: string;
  readonly #root: string;
  readonly #around: readonly string[];
  readonly #buildId: string | undefined;
  #starts: readonly number[] | undefined;

  /** Made by a reader. */
  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    details: {
      readonly uri: string;
      readonly root: string;
      readonly typeId: string;
      readonly around: readonly string[];
      readonly buildId: string | undefined;
    },
  ) {
    this.bytes = bytes;
    this.uri = details.uri;
    this.typeId = details.typeId;
    this.#root = details.root;
    this.#around = details.around;
    this.#buildId = details.buildId;
  }

  /** Where the lines start that begin as ours do. */
  get starts(): readonly number[] {
    return this.#starts ??= this.#findStarts();
  }

  /** The id in a line. */
  idAt(start: number): string {
    return textOf(this.bytes.subarray(start + ID_AT, start + ID_AT + ID_LENGTH));
  }

  /** Where the text begins in a line that the id is made of. */
  canonicalAt(start: number): number {
    return start + TASK_AT;
  }

  /** Where the line of an id starts; -1 where there is none. */
  find(id: string): number {
    const { bytes } = this;
    const wanted = encoded(id);
    for (const start of this.starts) {
      let length = 0;
      while (length < ID_LENGTH && bytes[start + ID_AT + length] === wanted[length]) length++;
      if (length === ID_LENGTH) return start;
    }
    return -1;
  }

  /** The output that a line tells of; `undefined` where it is not one of ours, or of a task without one. */
  outputAt(start: number): IndexedOutput | undefined {
    const task = this.taskAt(start);
    return task?.uri === undefined ? undefined : { ...task, uri: task.uri };
  }

  /** The task that a line tells of; `undefined` where it is not one of ours. */
  taskAt(start: number): IndexedTask | undefined {
    const line = this.bytes.subarray(start, this.bytes.indexOf(LINE_END, start));
    if (isTooDeep(line)) return undefined;
    const end = endOfValue(line, TASK_AT);
    const canonical = textOf(line.subarray(TASK_AT, end));
    const id = this.idAt(start);
    if (id !== idOfText(canonical) || typeOf(canonical) !== this.typeId) return undefined;
    const { at, uri, requires = [] } = parsed(`{${textOf(line.subarray(end + 1))}`) ?? {};
    if (!isTime(at) || !areTexts(requires)) return undefined;
    const path = uri ?? this.#around.join(usualPlace(id));
    if (typeof path !== "string" || (path !== "" && !isBelow(path))) return undefined;
    return {
      id,
      typeId: this.typeId,
      canonical,
      uri: path === "" ? undefined : this.#root + path,
      builtAt: new Date(at),
      buildId: this.#buildId,
      requires,
    };
  }

  #findStarts(): readonly number[] {
    const { bytes } = this;
    const starts: number[] = [];
    for (let end = bytes.indexOf(LINE_END); end >= 0;) {
      const start = end + 1;
      const isOurs = beginsAsOurs(bytes, start);
      // A line of ours does not end before its task begins.
      end = bytes.indexOf(LINE_END, isOurs ? start + TASK_AT : start);
      // Behind the last line end there is nothing whole.
      if (isOurs && end >= 0) starts.push(start);
    }
    return starts;
  }
}

function beginsAsOurs(bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < BEGINNING.length; at++) {
    if (BEGINNING[at] !== 0 && BEGINNING[at] !== bytes[start + at]) return false;
  }
  return true;
}

function isTooDeep(line: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < line.length; at++) {
    const code = line[at];
    if (code === QUOTE) inString = !inString;
    else if (code === BACKSLASH) at++;
    else if (inString) continue;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
    if (depth > MOST_DEPTH) return true;
  }
  return false;
}

/** The type that the text tells of which an id is made. */
function typeOf(canonical: string): string | undefined {
  const { __namespace, __name } = parsed(canonical) ?? {};
  return isText(__namespace) && isText(__name) ? typeId(__namespace, __name) : undefined;
}

function isTime(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(Number(value)) <= MOST_TIME;
}

function isText(value: unknown, pattern = /^/): value is string {
  return typeof value === "string" && pattern.test(value);
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const decoder = new TextDecoder();

function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((part) => isText(part));
}

/** Whether the path leads nowhere but below the root: it may be removed on the word of this line. */
function isBelow(path: string): boolean {
  return path !== "" && !/^[\\/]|(?:^|[\\/])\.\.?(?:[\\/]|$)/.test(path);
}
