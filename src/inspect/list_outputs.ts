/**
 * Finds the outputs that are there: by what is stored below the roots, with what the index tells of it. Unaware of tasks.
 *
 * @module
 */

import { checkOptions } from "../options.ts";
import { type OutputRecords, readRecords, targetRoots } from "./output_records.ts";
import { type ListedOutput, OutputList } from "./outputs.ts";
import { storedFiles, type StoredOutput } from "./stored_files.ts";

/** Options of `listOutputs`. */
export interface ListOutputsOptions {
  /** Keys of the target roots to look through; all unless told. */
  readonly roots?: readonly string[] | undefined;
  /** Namespace and name of the only type wanted. */
  readonly type?: string | undefined;
  /** Stops looking. */
  readonly signal?: AbortSignal | undefined;
}

/** See `listOutputs` of `inspect.ts`. */
export async function listOutputs(options: ListOutputsOptions): Promise<OutputList> {
  checkOptions(options, ["roots", "type", "signal"], "list outputs");
  const { type, signal } = options;
  targetRoots(); // by which a root is known that is inside of another
  const roots = targetRoots(options.roots);
  const records = await readRecords(roots, signal);
  const outputs: ListedOutput[] = [];
  for (const root of roots) {
    for (const output of (await storedFiles(root, records, signal)).outputs) {
      if (type === undefined || output.typeId === type) outputs.push(listed(output, records));
    }
  }
  outputs.sort((a, b) =>
    a.typeId === b.typeId
      ? b.modified.getTime() - a.modified.getTime() || (a.uri < b.uri ? -1 : 1)
      : a.typeId < b.typeId
      ? -1
      : 1
  );
  return new OutputList({ roots, type, outputs });
}

function listed(
  { id, typeId, uri, size, modified }: StoredOutput,
  records: OutputRecords,
): ListedOutput {
  return { id, typeId, uri, size, modified, parameters: parametersIn(records.find(id)?.canonical) };
}

/** What the id is made of, but for the type. */
function parametersIn(canonical: string | undefined): ListedOutput["parameters"] {
  if (canonical === undefined) return undefined;
  const { __name, __namespace, ...parameters } = JSON.parse(canonical);
  if (parameters.version === "") delete parameters.version;
  return parameters;
}
