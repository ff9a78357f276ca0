/**
 * Finds what is stored below target roots and no task needs any more, and removes it. What is not shaped like something of
 * ours, or not known to the index, is never touched.
 *
 * @module
 */

import { StardagError } from "../errors.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { checkRemovable } from "../targets/listing.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import type { TaskStruct } from "../tasks/task.ts";
import { DAY } from "./amounts.ts";
import { type Dag, dagOf } from "./dag.ts";
import { Garbage, type KeptOutputs } from "./garbage.ts";
import { type FoundGarbage, garbageIn } from "./garbage_in.ts";
import { readRecords, targetRoots } from "./output_records.ts";
import { isRecorded, type Reach, reachOf } from "./reach.ts";
import { removeAll, type RemovedItem, removeEmptyFolders } from "./removal.ts";
import { storedFiles } from "./stored_files.ts";
import { unrecordedIn } from "./unrecorded.ts";

/** Options of `gc`. */
export interface GcOptions {
  /** Whether it is only told what would be removed; on unless told. */
  readonly dryRun?: boolean | undefined;
  /** Keys of the target roots to look through; those that outputs of the tasks are below unless told. */
  readonly roots?: readonly string[] | undefined;
  /** Outputs younger than this are kept, in milliseconds; 7 days unless told. All else that is removed is a day old at least. */
  readonly minAge?: number | undefined;
  /**
   * Whether outputs may be removed though some tasks may have yielded others when they ran, and the index does not tell
   * which; off unless told. What these have made is then removed, and made again should they run again.
   */
  readonly ignoreUnrecorded?: boolean | undefined;
  /** How many things are removed at once; 32 unless told. */
  readonly maxConcurrent?: number | undefined;
  /** Stops it; what is removed by then stays so. */
  readonly signal?: AbortSignal | undefined;
}

const ACTION = "collect garbage";
/** How many tasks are named in an error. */
const MOST_NAMED = 5;

/** See `gc` of `inspect.ts`. */
export async function gc(struct: TaskStruct, options: GcOptions): Promise<Garbage> {
  const settings = settingsOf(options);
  const { minAge, maxConcurrent, signal, dryRun } = settings;
  const dag = dagOf(struct);
  if (dag.roots.length === 0) {
    throw new RangeError(
      `Cannot ${ACTION}: there is no task whose outputs are to be kept. Name at least one`,
    );
  }
  const knownRoots = targetRoots(); // by which a root is known that is inside of another
  const outputRoots = rootsAbove(dag);
  const roots = settings.roots ?? outputRoots;
  if (roots.length === 0) {
    throw new RangeError(
      `Cannot ${ACTION}: none of the tasks has its output below a target root. Name roots`,
    );
  }
  for (const root of dryRun ? [] : roots) checkRemovable(root);
  let records = await readRecords(
    new Set([...roots, ...outputRoots, ...areAllRecorded(dag) ? [] : knownRoots]),
    signal,
  );
  const now = Date.now();
  const stored = await Promise.all(roots.map((root) => storedFiles(root, records, signal)));
  let reach = reachOf(dag, records);
  const unrecorded = (): Promise<readonly string[]> =>
    unrecordedIn(reach, stored, { maxConcurrent, signal });
  if (!settings.ignoreUnrecorded && (await unrecorded()).length > 0) {
    // What they have yielded may be recorded elsewhere.
    records = await readRecords(new Set([...roots, ...outputRoots, ...knownRoots]), signal);
    reach = reachOf(dag, records);
    const names = await unrecorded();
    if (names.length > 0) throw unrecordedError(names);
  }
  const found = await Promise.all(
    stored.map((files) => garbageIn(files, { reach, records, now, minAge })),
  );
  const removables = found.flatMap(({ garbage }) => garbage)
    .sort((a, b) => a.item.uri < b.item.uri ? -1 : 1);
  const removed = dryRun
    ? { items: removables.map(({ item }) => item), errors: [] }
    : await removeAll(removables, { maxConcurrent, signal });
  const gone = new Set(dryRun ? [] : removed.items.map(({ uri }) => uri));
  for (const { root, outputs } of found) {
    const files = outputs.filter(({ uri }) => gone.has(uri)).flatMap((output) => output.files);
    await removeEmptyFolders(root, files);
  }
  return new Garbage({
    dryRun,
    roots,
    minAge,
    ...removed,
    ...countsOf(found, removed.items, reach),
  });
}

/** The options with nothing left out. */
interface GcSettings {
  readonly dryRun: boolean;
  readonly roots: readonly string[] | undefined;
  readonly minAge: number;
  readonly ignoreUnrecorded: boolean;
  readonly maxConcurrent: number;
  readonly signal: AbortSignal | undefined;
}

function settingsOf(options: GcOptions): GcSettings {
  const names = ["dryRun", "roots", "minAge", "ignoreUnrecorded", "maxConcurrent", "signal"];
  checkOptions(options, names, ACTION);
  const { dryRun = true, minAge = 7 * DAY, ignoreUnrecorded = false, maxConcurrent = 32 } = options;
  if (!(typeof minAge === "number" && minAge >= 0)) {
    throw new RangeError(
      `Cannot ${ACTION} with minAge ${describe(minAge)}: give milliseconds, from 0`,
    );
  }
  if (!(Number.isInteger(maxConcurrent) && maxConcurrent >= 1)) {
    throw new RangeError(
      `Cannot ${ACTION} with maxConcurrent ${describe(maxConcurrent)}: give an integer from 1`,
    );
  }
  return {
    dryRun,
    minAge,
    ignoreUnrecorded,
    maxConcurrent,
    roots: options.roots && targetRoots(options.roots),
    signal: options.signal,
  };
}

/** The roots that outputs of the tasks are below. */
function rootsAbove({ tasks }: Dag): readonly string[] {
  const roots = new Set<string>();
  for (const task of tasks) {
    const uri = outputUriOf(task);
    const root = uri && targetFactoryProvider.get().rootAbove(uri);
    if (root !== undefined && root !== "") roots.add(root);
  }
  return [...roots];
}

/** Whether each of them is in the index of the root that its output is below: else it may be in that of any root. */
function areAllRecorded({ tasks }: Dag): boolean {
  return tasks.every((task) => {
    const uri = outputUriOf(task);
    return uri !== undefined && isRecorded(uri);
  });
}

function unrecordedError(names: readonly string[]): StardagError {
  const named = names.slice(0, MOST_NAMED).join(", ");
  const more = names.length - MOST_NAMED;
  return new StardagError(
    `Cannot ${ACTION}: it is not known which outputs tasks need that may have been yielded by ${named}${
      more > 0 ? ` and ${more} more` : ""
    }: no index tells of their last run. Remove their outputs and build them; or name what they have yielded, too, ` +
      `and set ignoreUnrecorded (--ignore-unrecorded), by which what they have yielded and is not named is removed`,
  );
}

/** How many stay, and how many of each type. */
function countsOf(
  found: readonly FoundGarbage[],
  removed: readonly RemovedItem[],
  { typeIds }: Reach,
): Pick<Garbage, "kept" | "types" | "underWay"> {
  const sum = (key: keyof KeptOutputs): number =>
    found.reduce((all, { kept }) => all + kept[key], 0);
  const young = found.flatMap(({ underWay }) => underWay);
  const last = Math.max(...young.map(({ until }) => until?.getTime() ?? 0));
  const counts = new Map<string, { removed: number; size: number; kept: number }>();
  for (const { typeId } of found.flatMap(({ outputs }) => outputs)) {
    const count = counts.get(typeId);
    if (count === undefined) counts.set(typeId, { removed: 0, size: 0, kept: 1 });
    else count.kept++;
  }
  for (const { kind, typeId = "", size } of removed) {
    const count = kind === "output" ? counts.get(typeId) : undefined;
    if (count === undefined) continue;
    count.removed++;
    count.kept--;
    count.size += size;
  }
  return {
    kept: { reached: sum("reached"), recent: sum("recent"), locked: sum("locked") },
    underWay: {
      temporaries: young.filter(({ kind }) => kind === "temporary").length,
      unfinishedWrites: young.filter(({ kind }) => kind === "unfinished_write").length,
      until: last > 0 ? new Date(last) : undefined,
    },
    types: Array.from(counts, ([type, each]) => ({ type, isNeeded: typeIds.has(type), ...each }))
      .sort((a, b) => b.size - a.size || b.removed - a.removed || (a.type < b.type ? -1 : 1)),
  };
}
