/**
 * Which of many outputs is the nearest to a task, of those that are there. Unaware of how changes are found.
 *
 * Those that differ in the fewest parameters are looked for first. Of those that are there, always the one is compared
 * further that may still be the nearest: nothing is compared that is known to be farther.
 *
 * @module
 */

import { targetFactoryProvider } from "../targets/factory.ts";
import type { Target, TargetStore } from "../targets/target.ts";
import type { AnyTask } from "../tasks/task.ts";
import type { NearestOutput } from "./explanation.ts";
import type { IndexedOutput } from "./index_reader.ts";
import { PastComparison } from "./past_changes.ts";
import type { PastOutputs } from "./past_outputs.ts";

/** How many outputs are told of. */
const MOST_NEAREST = 3;
/** With so many that are there no more are looked for. */
const ENOUGH = 32;
/** How many of them are compared, with how much text altogether, and how many nested tasks of all of them. */
const MOST_OUTPUTS = 64;
const MOST_TEXT = 2 ** 22;
const MOST_COMPARED = 30_000;

/** Those that are there and have the fewest changes; `undefined` where there are no candidates, which come best first. */
export async function nearestOutputs(
  task: AnyTask,
  candidates: Iterable<IndexedOutput>,
  past: PastOutputs,
): Promise<readonly NearestOutput[] | undefined> {
  const present = await presentAmong(candidates);
  const open = present?.map((output) => new PastComparison(past, output, task));
  if (open === undefined) return undefined;
  const nearest: NearestOutput[] = [];
  for (let compared = 0; open.length > 0 && nearest.length < MOST_NEAREST; compared++) {
    // Of equal ones the first.
    const best = open.reduce((best, each) => each.isNearerThan(best) ? each : best);
    if (best.isDone) {
      nearest.push({ output: best.output, ...best.changes() });
      open.splice(open.indexOf(best), 1);
    } else if (compared < MOST_COMPARED) {
      await best.compareNext();
    } else {
      best.cut();
    }
  }
  return nearest;
}

/** The first of them that are there: asked for many at once, and for no more than needed. */
async function presentAmong(
  candidates: Iterable<IndexedOutput>,
): Promise<readonly IndexedOutput[] | undefined> {
  const asker = {};
  const present: IndexedOutput[] = [];
  let [text, isEmpty] = [0, true];
  for (const batch of batchesOf(candidates)) {
    isEmpty = false;
    const isThere = await areThere(batch.map(({ uri }) => targetAt(uri)), asker);
    for (const output of batch.filter((_, i) => isThere[i])) {
      text += output.canonical.length;
      const isEnough = present.length >= MOST_OUTPUTS ||
        (present.length >= MOST_NEAREST && text > MOST_TEXT);
      if (isEnough) return present;
      present.push(output);
    }
    if (present.length >= ENOUGH) break;
  }
  return isEmpty ? undefined : present;
}

/** Each batch is larger than the one before. */
function* batchesOf(candidates: Iterable<IndexedOutput>): Generator<readonly IndexedOutput[]> {
  let batch: IndexedOutput[] = [];
  let size = MOST_OUTPUTS;
  for (const each of candidates) {
    batch.push(each);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
    size *= 2;
  }
  if (batch.length > 0) yield batch;
}

function targetAt(uri: string): Target {
  const factory = targetFactoryProvider.get();
  return uri.endsWith("/") ? factory.getDirectoryTarget(uri) : factory.getTarget(uri);
}

async function areThere(targets: readonly Target[], asker: object): Promise<readonly boolean[]> {
  const answers: boolean[] = [];
  const stores = new Map<TargetStore, { readonly uris: string[]; readonly at: number[] }>();
  for (const [i, target] of targets.entries()) {
    const { probe } = target;
    if (probe === undefined) {
      answers[i] = await target.exists();
      continue;
    }
    const batch = stores.get(probe.store) ?? { uris: [], at: [] };
    stores.set(probe.store, batch);
    batch.uris.push(probe.uri);
    batch.at.push(i);
  }
  for (const [store, { uris, at }] of stores) {
    const exists = await store.existsMany(uris, { asker });
    for (const [k, i] of at.entries()) answers[i] = exists[k] === true;
  }
  return answers;
}
