/**
 * Tells among the files below a root what no task needs any more. Removes nothing, but says how.
 *
 * @module
 */

import { FileLockManager } from "../registries/file_lock.ts";
import { listUnfinished, removeFile } from "../targets/listing.ts";
import { isAbandoned, sweep } from "../targets/slot.ts";
import { discard } from "../targets/temporary.ts";
import { isLocalUri } from "../tasks/output_uri.ts";
import { DAY } from "./amounts.ts";
import type { KeptOutputs } from "./garbage.ts";
import type { OutputRecords } from "./output_records.ts";
import type { Reach } from "./reach.ts";
import { type Removable, type RemovedItem, type RemovedKind, removeFiles } from "./removal.ts";
import {
  foldersAbove,
  type StoredFiles,
  type StoredOutput,
  type StoredTemporary,
} from "./stored_files.ts";

/** What garbage is told by. */
export interface Judging {
  readonly reach: Reach;
  readonly records: OutputRecords;
  readonly now: number;
  readonly minAge: number;
}

/** What was found below one root. */
export interface FoundGarbage {
  readonly root: string;
  /** All that is there. */
  readonly outputs: readonly StoredOutput[];
  readonly kept: KeptOutputs;
  readonly garbage: readonly Removable[];
  /** What stays because somebody may be writing it. */
  readonly underWay: readonly UnderWay[];
}

/** Something that somebody may be writing. */
export interface UnderWay {
  readonly kind: "temporary" | "unfinished_write";
  /** When it is old enough to be garbage; `undefined` where its writer lives. */
  readonly until: Date | undefined;
}

/** The garbage among the files below one root. */
export async function garbageIn(files: StoredFiles, judging: Judging): Promise<FoundGarbage> {
  const { now, minAge } = judging;
  const age = Math.max(minAge, DAY);
  const before = now - age;
  const { outputs, kept, staying } = judgedOutputs(files, judging);
  const temporaries = await temporariesOf(files, age, now);
  const unfinished = await unfinishedBelow(files.root, age, now);
  return {
    root: files.root,
    outputs: files.outputs,
    kept,
    underWay: [...temporaries.underWay, ...unfinished.underWay],
    garbage: [
      ...outputs.map((output) =>
        removable("output", output, () => removeFiles(output.files), output)
      ),
      ...temporaries.garbage,
      ...unfinished.garbage,
      ...locksOf(files, before),
      ...segmentsOf(files, before, judging, staying),
    ],
  };
}

/** Outputs that are garbage, how many are not and why, and the ids of these. */
function judgedOutputs(
  { outputs, locks, root }: StoredFiles,
  { reach, now, minAge }: Judging,
): {
  readonly outputs: readonly StoredOutput[];
  readonly kept: KeptOutputs;
  readonly staying: ReadonlySet<string>;
} {
  const held = new Set(
    locks.filter(({ until }) => until.getTime() > now - DAY).map(({ id }) => id),
  );
  const kept = { reached: 0, recent: 0, locked: 0 };
  const staying = new Set<string>();
  const garbage = outputs.filter((output) => {
    if (isReached(output, reach, root.length)) kept.reached++;
    else if (now - output.modified.getTime() < minAge) kept.recent++;
    else if (held.has(output.id)) kept.locked++;
    else return true;
    staying.add(output.id);
    return false;
  });
  return { outputs: garbage, kept, staying };
}

function isReached({ id, uri }: StoredOutput, { ids, uris }: Reach, rootLength: number): boolean {
  return ids.has(id) || uris.has(uri) ||
    foldersAbove(uri, rootLength).some((folder) => uris.has(folder));
}

/** What has not become an output. */
type Unborn = Pick<FoundGarbage, "garbage" | "underWay">;

/** Temporary files of dead writers: where their lock tells, it tells; elsewhere age does. */
async function temporariesOf(
  { root, temporaries }: StoredFiles,
  age: number,
  now: number,
): Promise<Unborn> {
  const isLocal = isLocalUri(root);
  const inUse = new Set<string>();
  for (const { uri, stem, isSlot } of temporaries) {
    if (isLocal && isSlot && !await isAbandoned(uri)) inUse.add(stem);
  }
  const garbage: Removable[] = [];
  const underWay: UnderWay[] = [];
  for (const each of temporaries) {
    const isInUse = inUse.has(each.stem);
    const until = each.modified.getTime() + age;
    if (!isInUse && until < now) {
      garbage.push(removable("temporary", each, () => removeTemporary(each, isLocal)));
    } else {
      underWay.push({ kind: "temporary", until: isInUse ? undefined : new Date(until) });
    }
  }
  return { garbage, underWay };
}

function removeTemporary(
  { uri, files, isSlot }: StoredTemporary,
  isLocal: boolean,
): Promise<boolean> {
  if (!isLocal) return removeFiles(files);
  return isSlot ? sweep(uri) : discard(uri);
}

async function unfinishedBelow(root: string, age: number, now: number): Promise<Unborn> {
  const garbage: Removable[] = [];
  const underWay: UnderWay[] = [];
  for await (const write of listUnfinished(root)) {
    const { uri, begun } = write;
    const until = begun.getTime() + age;
    if (until >= now) {
      underWay.push({ kind: "unfinished_write", until: new Date(until) });
      continue;
    }
    garbage.push(removable("unfinished_write", { uri, size: 0, modified: begun }, async () => {
      await write.discard();
      return true;
    }));
  }
  return { garbage, underWay };
}

/** A lock is taken before it is removed, so that nobody has it at that moment. */
function locksOf({ root, locks }: StoredFiles, before: number): readonly Removable[] {
  if (locks.length === 0) return [];
  const manager = new FileLockManager({ root, clockSkew: DAY });
  return locks.filter(({ until }) => until.getTime() < before).map(({ id, file }) =>
    removable("lock", file, async () => {
      const acquisition = await manager.acquire(id);
      if (acquisition.status !== "acquired") return false;
      try {
        // A local one goes away when it is given back.
        if (!isLocalUri(root)) await removeFile(file.uri);
        return true;
      } finally {
        await acquisition.lock.release();
      }
    })
  );
}

/** Files of the index of which no line tells of an output that is there, or of what is reached. */
function segmentsOf(
  { segments }: StoredFiles,
  before: number,
  { records, reach }: Judging,
  staying: ReadonlySet<string>,
): readonly Removable[] {
  return records.segments.flatMap((segment) => {
    const file = segments.get(segment.uri);
    if (file === undefined || file.modified.getTime() >= before) return [];
    const isOver = segment.starts.every((start) => {
      const id = segment.idAt(start);
      return !staying.has(id) && !reach.ids.has(id);
    });
    return isOver ? [removable("index", file, () => removeFiles([file]))] : [];
  });
}

function removable(
  kind: RemovedKind,
  { uri, size, modified }: Pick<RemovedItem, "uri" | "size" | "modified">,
  remove: () => Promise<boolean>,
  { id, typeId }: Pick<RemovedItem, "id" | "typeId"> = {},
): Removable {
  return { item: { kind, uri, size, modified, id, typeId }, remove };
}
