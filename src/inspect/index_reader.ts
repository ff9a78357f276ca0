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
import { endOfValue } from "./canonical_text.ts";

/** How many files are read at once, once the first ones were not enough. */
const LANES = 16;
const LINE_END = 10;
const OPEN_BRACE = 123;
const ID_LENGTH = 36;
const ID_AT = BEFORE_ID.length;
const TASK_AT = ID_AT + ID_LENGTH + BEFORE_TASK.length;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An output that was built below a root, as the index tells. */
export interface IndexedOutput {
  /** Id of the task. */
  readonly id: string;
  /** Namespace and name of its type. */
  readonly typeId: string;
  /** The text that the id is made of: JSON, a nested task as `{"id": ...}`. */
  readonly canonical: string;
  /** Where it was stored: the full uri. */
  readonly uri: string;
  /** When. */
  readonly builtAt: Date;
  /** By which build; `undefined` where the build had no registry, and so no id. */
  readonly buildId: string | undefined;
  /** Ids of what the task required and does not have in its parameters: what it yielded, first of all. */
  readonly requires: readonly string[];
}

/** The ids of all that the output was made from. */
export function requiredIds({ canonical, requires }: IndexedOutput): readonly string[] {
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
    const head = parsed(bytes.subarray(0, Math.max(0, bytes.indexOf(LINE_END))));
    if (head?.format !== INDEX_FORMAT || typeof head.type !== "string") return undefined;
    const buildId = typeof head.build === "string" ? head.build : undefined;
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

  /** Where the lines with outputs start. */
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
    const wanted = new TextEncoder().encode(id);
    for (const start of this.starts) {
      let length = 0;
      while (length < ID_LENGTH && bytes[start + ID_AT + length] === wanted[length]) length++;
      if (length === ID_LENGTH) return start;
    }
    return -1;
  }

  /** What a line tells; `undefined` where it is not one of ours. */
  outputAt(start: number): IndexedOutput | undefined {
    const line = this.bytes.subarray(start, this.bytes.indexOf(LINE_END, start));
    const { id, at, uri, requires = [], task } = parsed(line) ?? {};
    if (typeof id !== "string" || !ID.test(id) || id !== this.idAt(start)) return undefined;
    if (typeof at !== "number" || !areTexts(requires)) return undefined;
    const path = uri ?? this.#around.join(usualPlace(id));
    if (typeof path !== "string" || !isBelow(path)) return undefined;
    if (typeof task !== "object" || task === null) return undefined;
    return {
      id,
      typeId: this.typeId,
      canonical: textOf(line.subarray(TASK_AT, endOfValue(line, TASK_AT))),
      uri: this.#root + path,
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
      starts.push(start);
      // A line of ours does not end before its task begins.
      end = bytes.indexOf(
        LINE_END,
        bytes[start + TASK_AT] === OPEN_BRACE ? start + TASK_AT : start,
      );
    }
    starts.pop(); // behind the last line end there is nothing whole
    return starts;
  }
}

const decoder = new TextDecoder();

function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function parsed(line: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(textOf(line));
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((part) => typeof part === "string");
}

/** Whether the path leads nowhere but below the root: it may be removed on the word of this line. */
function isBelow(path: string): boolean {
  return path !== "" && !/^[\\/]|(?:^|[\\/])\.\.?(?:[\\/]|$)/.test(path);
}
