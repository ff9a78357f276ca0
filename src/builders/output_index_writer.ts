/**
 * The index of outputs as it is written: which file holds what, and when it gets there. Unaware of builds.
 *
 * Below a root, each type has a folder, and in it each build a segment, or several: a file of lines, each a JSON object. The
 * first line tells the type, where its outputs are and, where it has an id, the build; the others one output each, or a
 * task without one that has yielded others: who looks for what is needed must know of these, too. On the local disk lines
 * are added at the end, so that the last one may be half-written; elsewhere the file is written anew. Names of segments
 * follow time. Nobody changes what others have written; of two lines about one task the later one holds.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { canonicalString } from "../json.ts";
import { inLanes } from "../lanes.ts";
import { NIL_BUILD_ID } from "../registries/registry.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { fileError, isMissing } from "../targets/file_error.ts";
import { areListable } from "../targets/listing.ts";
import { localRoot } from "../targets/local_root.ts";
import { isInMemoryUri, isLocalUri, outputUriOf } from "../tasks/output_uri.ts";
import { tasksInParameters } from "../tasks/parameters.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { AnyTask } from "../tasks/task.ts";
import { canonicalTask } from "../tasks/task_id.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { uuid5, uuid7 } from "../uuid.ts";

/** Where the index is below a root. */
export const INDEX = ".stardag/index/";
/** Of how the files are written. */
export const INDEX_FORMAT = 1;

/** How a line begins, and what stands between the id and the text that it is made of. */
export const BEFORE_ID = '{"id":"';
export const BEFORE_TASK = '","task":';

/** At most so long what was built is not written down, in milliseconds: a build that is killed loses no more. */
const DELAY = 5_000;
/** With fewer lines a remote segment is written anew with what follows: slow builds do not leave many small files. */
const ENOUGH_LINES = 1_000;
/** A text that is so long is not, however few lines it has. */
const ENOUGH_TEXT = 2 ** 20;
/** How many segments are written at once. */
const LANES = 16;
/** Names may have 255 bytes. */
const MOST_NAME = 200;
/** Names that Windows has for something else, or cuts short. */
const BAD_NAME = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)|\.$/i;
const TYPE_NAMESPACE = "6f0f5fd0-6f3c-5d0c-9f60-0d4a4a8a6d0e";

/** What the index is told of its build. */
export interface OutputIndexOptions {
  /** Id of the build, once it has one. */
  buildId(): string;
  /** Is told, once, when something could not be written. */
  warn(message: string): void;
}

/** What a task waited for while it ran, by id. */
export type YieldedTasks = ReadonlyMap<string, AnyTask>;

/** Lines under way to one file. */
interface Segment {
  readonly root: string;
  readonly typeId: string;
  readonly uri: string;
  /** What stands before and after the usual place in the uris of its outputs, below the root. */
  readonly around: readonly string[];
  /** What is not written yet; of a remote one, all of it. */
  text: string;
  lines: number;
}

/** Adds what one build makes to the indexes of the roots. */
export class OutputIndexWriter {
  readonly #options: OutputIndexOptions;
  /** The segments that take more lines, by root and type id; `undefined` where nothing is, or can be, written. */
  readonly #roots = new Map<string, Map<string, Segment> | undefined>();
  /** Those with lines that are not written yet. */
  readonly #changed = new Set<Segment>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasWarned = false;

  constructor(options: OutputIndexOptions) {
    this.#options = options;
  }

  /** Takes in a task that has run; `yielded` is what it waited for meanwhile. */
  add(task: AnyTask, yielded?: YieldedTasks): void {
    try {
      const uri = outputUriOf(task);
      const own = this.#rootAbove(uri);
      let root = own;
      // What has no output below a root is noted down for what it has yielded, and beside that.
      for (const each of yielded?.values() ?? []) root ??= this.#rootAbove(outputUriOf(each));
      const segments = root === undefined ? undefined : this.#segmentsOf(root);
      if (root === undefined || segments === undefined) return;
      const typeId = taskTypeOf(task).id;
      const path = own === undefined ? "" : uri!.slice(own.length);
      let segment = segments.get(typeId);
      if (segment === undefined) {
        segment = this.#newSegment(root, typeId, path.split(usualPlace(task.id)));
        segments.set(typeId, segment);
      }
      const isUsual = path === segment.around.join(usualPlace(task.id));
      segment.text += lineOf(task, isUsual ? undefined : path, yielded);
      segment.lines++;
      this.#changed.add(segment);
    } catch (error) {
      this.#warn(`It does not tell of ${task.id}: ${messageOf(error)}`);
    }
    this.#timer ??= setTimeout(() => this.#write(), DELAY);
  }

  /** Resolves when all is written, or cannot be. */
  async close(): Promise<void> {
    await this.#writing;
    this.#write();
    await this.#writing;
  }

  /** The root that a uri is below, where an index is kept of it. */
  #rootAbove(uri: string | undefined): string | undefined {
    const root = uri && targetFactoryProvider.get().rootAbove(uri);
    return root === undefined || this.#segmentsOf(root) === undefined ? undefined : root;
  }

  /** The segments of a root; `undefined` where there is no use in any, or Deno would have to ask for permission. */
  #segmentsOf(root: string): Map<string, Segment> | undefined {
    if (this.#roots.has(root)) return this.#roots.get(root);
    const isKept = hasIndex(root) && (!isLocalUri(root) || mayWrite(root + INDEX));
    const segments = isKept ? new Map<string, Segment>() : undefined;
    this.#roots.set(root, segments);
    return segments;
  }

  #newSegment(root: string, typeId: string, around: readonly string[]): Segment {
    const build = this.#options.buildId();
    const own = build === NIL_BUILD_ID ? {} : { build };
    const head = { format: INDEX_FORMAT, type: typeId, around, ...own };
    return {
      root,
      typeId,
      uri: `${indexFolder(root, typeId)}${uuid7()}.jsonl`,
      around,
      text: `${JSON.stringify(head)}\n`,
      lines: 0,
    };
  }

  /** Begins to write what has changed, after what is being written. */
  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writeChanged());
  }

  async #writeChanged(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    await inLanes(changed, LANES, (segment) => this.#writeSegment(segment));
  }

  async #writeSegment(segment: Segment): Promise<void> {
    const { root, typeId, uri, text, lines } = segment;
    const segments = this.#roots.get(root);
    if (segments === undefined) return;
    try {
      if (isLocalUri(uri)) {
        segment.text = "";
        await append(text, uri, root);
      } else {
        if (lines >= ENOUGH_LINES || text.length >= ENOUGH_TEXT) segments.delete(typeId);
        await targetFactoryProvider.get().getTarget(uri).write(text);
      }
    } catch (error) {
      this.#roots.set(root, undefined);
      this.#warn(messageOf(error));
    }
  }

  #warn(why: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.warn(`The index of outputs is not whole, so explain() may know less: ${why}`);
  }
}

/** Whether an index is kept below a root: what is in memory ends with the process, and what cannot be listed cannot be read. */
export function hasIndex(root: string): boolean {
  return !isInMemoryUri(root) && areListable(root);
}

/** The folder with the segments of a type, by a name that is one on any system. */
export function indexFolder(root: string, typeId: string): string {
  const name = new TextEncoder().encode(typeId).reduce((text, byte) => {
    const char = String.fromCharCode(byte);
    return text + (/[\w.-]/.test(char) ? char : `%${byte.toString(16).padStart(2, "0")}`);
  }, "");
  const isBad = name.length > MOST_NAME || BAD_NAME.test(name);
  const unique = isBad ? `${name.slice(0, MOST_NAME - 40)}~${uuid5(TYPE_NAMESPACE, name)}` : name;
  return `${root}${INDEX}${unique}/`;
}

/** What the uris of most outputs have in them, made of the id. */
export function usualPlace(id: string): string {
  return `${id.slice(0, 2)}/${id.slice(2, 4)}/${id}`;
}

/**
 * One line of a segment; `path` is left out where it follows from the id, and empty where there is no output below the root.
 * Where the text begins that the id is made of is the same in all lines, so that many are quickly read.
 */
function lineOf(
  task: AnyTask,
  path: string | undefined,
  yielded: YieldedTasks | undefined,
): string {
  const others = othersOf(task, yielded);
  const uri = path === undefined ? "" : `,"uri":${canonicalString(path)}`;
  const requires = others.size === 0 ? "" : `,"requires":${JSON.stringify([...others])}`;
  const canonical = canonicalTask(task);
  return `${BEFORE_ID}${task.id}${BEFORE_TASK}${canonical},"at":${Date.now()}${uri}${requires}}\n`;
}

/** Ids of what the task required that are not in the text that its own id is made of. */
function othersOf(task: AnyTask, yielded?: YieldedTasks): ReadonlySet<string> {
  const required = flattenTaskStruct(task.requires());
  // What is in a parameter that is no part of the id is in no such text.
  const text = taskTypeOf(task).hasInsignificant ? canonicalTask(task) : undefined;
  const inParameters = tasksInParameters(task).filter(({ id }) => text?.includes(id) ?? true);
  const others = new Set(yielded?.keys());
  // Mostly they are the same.
  if (
    others.size === 0 && required.length === inParameters.length &&
    required.every(({ id }, i) => id === inParameters[i]!.id)
  ) return others;
  for (const { id } of required) others.add(id);
  for (const { id } of inParameters) others.delete(id);
  return others;
}

async function append(text: string, path: string, root: string): Promise<void> {
  const add = (): Promise<void> => Deno.writeTextFile(path, text, { append: true });
  try {
    await add().catch(async (error) => {
      if (!isMissing(error)) throw error;
      await localRoot(root).makeFolderOf(path);
      await add();
    });
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}
