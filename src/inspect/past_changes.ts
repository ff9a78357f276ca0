/**
 * What has changed since an output of the same type was built: down into nested tasks, by what the index tells of those
 * of that time. Unaware of which outputs are looked at.
 *
 * @module
 */

import { hasIndex } from "../builders/output_index_writer.ts";
import { fromRawJson, mapPlain, rawJson } from "../json.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import { shortName } from "../tasks/describe_task.ts";
import { tasksInParameters } from "../tasks/parameters.ts";
import type { AnyTask } from "../tasks/task.ts";
import { OWN_BODY } from "../tasks/task_body.ts";
import { canonicalTask } from "../tasks/task_id.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { type Difference, differences } from "./changes.ts";
import { type IndexedOutput, OutputIndexReader } from "./index_reader.ts";
import { type Path, pathText, valueText } from "./leaves.ts";
import { TypeOutputs } from "./type_outputs.ts";

/** How many nested tasks are compared with those of before, for all outputs together. */
const MOST_COMPARED = 1_000;

/** What stands for a nested task in a canonical text: in no string of JSON, for there the quotes are escaped. */
const NESTED = /\{"id":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"\}/g;
const MARK = "\u0000";
const LONG = 2 ** 16;
/** How many changes are told of one output. */
const MOST_CHANGES = 1_000;

/** A value that differs from what it was. */
export interface PastChange {
  /** Where, through nested tasks too, as in code: `model.dataset.limit`. `version` is that of the code. */
  readonly path: string;
  /** What it was, as JSON; a task as its type and the beginning of its id. `undefined` where it was left out. */
  readonly before: unknown;
  /** What it is. */
  readonly after: unknown;
}

/** What has changed since an output was built. */
export interface PastChanges {
  /** Those nearest to the task first. */
  readonly changes: readonly PastChange[];
  /** How many more there are: very many are not told one by one. */
  readonly more: number;
  /** How many nested tasks differ without it being known why: the index does not tell of those of before. */
  readonly unknown: number;
}

/** What was built before, as far as the indexes of the roots tell. */
export class PastOutputs {
  readonly #readers = new Map<string, Map<string, TypeOutputs>>();
  #compared = 0;

  /** What was built of the task's type where the task has its output; `undefined` where no index is kept. */
  ofTypeOf(task: AnyTask): TypeOutputs | undefined {
    const uri = outputUriOf(task);
    const root = uri === undefined ? undefined : targetFactoryProvider.get().rootAbove(uri);
    if (root === undefined || !hasIndex(root)) return undefined;
    let types = this.#readers.get(root);
    if (types === undefined) this.#readers.set(root, types = new Map());
    const { id } = taskTypeOf(task);
    let outputs = types.get(id);
    if (outputs === undefined) {
      types.set(id, outputs = new TypeOutputs(new OutputIndexReader(root), id));
    }
    return outputs;
  }

  /** What makes the task another one than that whose output was built. */
  async changesSince(output: IndexedOutput, task: AnyTask): Promise<PastChanges> {
    const changes: PastChange[] = [];
    let [more, unknown] = [0, 0];
    const seen = new Set<string>();
    const pairs = [{ before: output, after: task, path: [] as Path }];
    // What is found on the way is gone through, too: no recursion, for chains may be long.
    for (const { before, after, path } of pairs) {
      const nested = new NestedTasks(after);
      for (const difference of canonicalDifferences(before.canonical, canonicalTask(after))) {
        const [was, own] = [nestedId(difference.before), nested.at(difference.after)];
        if (was !== undefined && own !== undefined) {
          const key = `${was} ${own.id}`;
          if (seen.has(key)) continue;
          seen.add(key);
          const past = await this.#find(was, own);
          if (past !== undefined) {
            pairs.push({ before: past, after: own, path: [...path, ...difference.path] });
            continue;
          }
          unknown++;
        }
        if (changes.length === MOST_CHANGES) {
          more++;
        } else {
          const at = pathText([...path, ...difference.path]);
          changes.push({ path: at, ...shownValues(difference, nested) });
        }
      }
    }
    return { changes, more, unknown };
  }

  async #find(id: string, like: AnyTask): Promise<IndexedOutput | undefined> {
    // The text of an alias does not tell what its id is made of.
    if (OWN_BODY in like || this.#compared >= MOST_COMPARED) return undefined;
    this.#compared++;
    return await this.ofTypeOf(like)?.find(id);
  }
}

/** The tasks in the parameters of a task, by what stands for them in a canonical text as it is compared. */
class NestedTasks {
  readonly #task: AnyTask;
  #byId: ReadonlyMap<string, AnyTask> | undefined;

  constructor(task: AnyTask) {
    this.#task = task;
  }

  at(value: unknown): AnyTask | undefined {
    const id = nestedId(value);
    if (id === undefined) return undefined;
    this.#byId ??= new Map(tasksInParameters(this.#task).map((each) => [each.id, each]));
    return this.#byId.get(id);
  }
}

function canonicalDifferences(before: string, after: string): readonly Difference[] {
  return differences(parsed(before), parsed(after), () => false);
}

/**
 * A canonical text as its parts: in place of a nested task its id, marked. Numbers keep how they are written, for `1` and
 * `1.0` make two ids; not in a very long text, where that would take long.
 */
function parsed(canonical: string): unknown {
  const marked = canonical.replaceAll(NESTED, '"\\u0000$1"');
  return marked.length > LONG ? JSON.parse(marked) : JSON.parse(marked, keepNumber);
}

function keepNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" ? rawJson(context?.source ?? String(value)) : value;
}

/** The id that is marked as that of a nested task. */
function nestedId(value: unknown): string | undefined {
  return typeof value === "string" && value.startsWith(MARK) ? value.slice(1) : undefined;
}

/** The values as plain JSON; numbers as they are written where only that differs. */
function shownValues(
  { before, after }: Difference,
  nested: NestedTasks,
): Pick<PastChange, "before" | "after"> {
  const shown = (value: unknown, numberOf: (raw: unknown) => unknown): unknown =>
    value === undefined ? undefined : mapPlain(value, (leaf) => {
      const id = nestedId(leaf);
      if (id === undefined) return numberOf(leaf);
      const task = nested.at(leaf);
      return task === undefined ? `task ${id.slice(0, 8)}` : shortName(task);
    });
  const [was, is] = [shown(before, fromRawJson), shown(after, fromRawJson)];
  return valueText(was) === valueText(is)
    ? { before: shown(before, (raw) => raw), after: shown(after, (raw) => raw) }
    : { before: was, after: is };
}
