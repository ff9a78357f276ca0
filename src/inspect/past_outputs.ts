/**
 * What was built before, as far as the indexes of the roots tell, and how a task differs from one of then. What was found
 * out once is kept: several outputs are looked at that have much in common. Unaware of which are.
 *
 * @module
 */

import { hasIndex } from "../builders/output_index_writer.ts";
import { fromRawJson, mapPlain } from "../json.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { shortName } from "../tasks/describe_task.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import { tasksInParameters } from "../tasks/parameters.ts";
import type { AnyTask } from "../tasks/task.ts";
import { OWN_BODY } from "../tasks/task_body.ts";
import { canonicalTask } from "../tasks/task_id.ts";
import { type Parameter, taskTypeOf } from "../tasks/type_registry.ts";
import { markedId, markedValue } from "./canonical_value.ts";
import { type Difference, differences } from "./changes.ts";
import { type IndexedOutput, OutputIndexReader } from "./index_reader.ts";
import { type Path, setsOf, valueText } from "./leaves.ts";
import { TypeOutputs } from "./type_outputs.ts";

/** A value that differs from that of then, or a task in its place that does. */
export interface PastDifference extends Difference {
  /** The ids where there is a task in both. */
  readonly nested: { readonly before: string; readonly after: AnyTask } | undefined;
}

/** What was built before. */
export class PastOutputs {
  readonly #readers = new Map<string, Map<string, TypeOutputs>>();
  readonly #tasks = new Map<string, ComparedTask>();
  readonly #differences = new Map<string, readonly PastDifference[]>();

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

  /** The output of this id where one would be built that is like the task; the text of an alias does not tell its id. */
  async find(id: string, like: AnyTask): Promise<IndexedOutput | undefined> {
    return OWN_BODY in like ? undefined : await this.ofTypeOf(like)?.find(id);
  }

  /** How the task itself differs from that whose output was built. */
  differences(before: IndexedOutput, after: AnyTask): readonly PastDifference[] {
    const key = `${before.id} ${after.id}`;
    let found = this.#differences.get(key);
    if (found === undefined) {
      this.#differences.set(key, found = this.#compared(after).differences(before.canonical));
    }
    return found;
  }

  /** The values of a difference from the task, as plain JSON; numbers as they are written where only that differs. */
  shown(
    difference: Difference,
    after: AnyTask,
  ): { readonly before: unknown; readonly after: unknown } {
    const compared = this.#compared(after);
    const values = (numberOf: (raw: unknown) => unknown): readonly [unknown, unknown] => [
      compared.shown(
        difference.before,
        numberOf,
        (id) => compared.isTask(difference) ? `task ${id.slice(0, 8)}` : undefined,
      ),
      compared.shown(difference.after, numberOf, () => undefined),
    ];
    const [was, is] = values(fromRawJson);
    if (valueText(was) !== valueText(is)) return { before: was, after: is };
    const [wasWritten, isWritten] = values((raw) => raw);
    return { before: wasWritten, after: isWritten };
  }

  #compared(task: AnyTask): ComparedTask {
    let compared = this.#tasks.get(task.id);
    if (compared === undefined) this.#tasks.set(task.id, compared = new ComparedTask(task));
    return compared;
  }
}

/** A task that is compared with several. */
class ComparedTask {
  readonly #value: unknown;
  readonly #isSet: (path: Path) => boolean;
  readonly #nested: ReadonlyMap<string, AnyTask>;
  readonly #parameters: ReadonlyMap<string, Parameter>;

  constructor(task: AnyTask) {
    this.#value = markedValue(canonicalTask(task));
    this.#isSet = setsOf(task);
    this.#nested = new Map(tasksInParameters(task).map((each) => [each.id, each]));
    this.#parameters = new Map(taskTypeOf(task).parameters.map((each) => [each.key, each]));
  }

  differences(canonical: string): readonly PastDifference[] {
    const found = differences(markedValue(canonical), this.#value, (id) => id, this.#isSet);
    return found.map((difference): PastDifference => {
      const { before, path } = difference;
      const [was, own] = [markedId(before), markedId(difference.after)];
      if (was === undefined || own === undefined) return { ...difference, nested: undefined };
      const after = this.#nested.get(own);
      return after === undefined
        ? { path: [...path, "id"], before: was, after: own, nested: undefined }
        : { ...difference, nested: { before: was, after } };
    });
  }

  /** Whether what stood there and looks like a task was one: a record of an id looks the same. */
  isTask({ path: [key, ...deeper], after }: Difference): boolean {
    const parameter = this.#parameters.get(String(key));
    if (parameter === undefined || parameter.hasReferences) return true;
    return parameter.orTask && deeper.length === 0 && after !== undefined;
  }

  shown(
    value: unknown,
    numberOf: (raw: unknown) => unknown,
    nameOf: (id: string) => string | undefined,
  ): unknown {
    return value === undefined ? undefined : mapPlain(value, (leaf) => {
      const id = markedId(leaf);
      if (id === undefined) return numberOf(leaf);
      const task = this.#nested.get(id);
      return task === undefined ? nameOf(id) ?? { id } : shortName(task);
    });
  }
}
