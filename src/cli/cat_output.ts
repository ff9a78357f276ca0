/**
 * What `cat` does.
 *
 * @module
 */

import { resolve } from "@std/path";
import { TargetNotFoundError } from "../errors.ts";
import { findOutputs, type FoundOutput } from "../inspect/find_outputs.ts";
import { targetRoots } from "../inspect/output_records.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { isLocalUri, outputUriOf } from "../tasks/output_uri.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { CliIo } from "./cli_io.ts";
import { loadTasks } from "./load_tasks.ts";
import { moduleArgument } from "./module_argument.ts";
import { inProject, type TaskOptions } from "./task_argument.ts";
import { UsageError } from "./usage.ts";
import { keepStdout } from "./users_output.ts";

/** An id, or how one begins. */
const ID = /^(?=.{4,36}$)[0-9a-f]+[0-9a-f-]*$/i;
/** How many outputs are named that may be meant. */
const MOST_NAMED = 10;

/** Writes an output to stdout. */
export async function catOutput(
  argument: string,
  options: TaskOptions,
  io: CliIo,
): Promise<void> {
  const uri = ID.test(argument) ? await uriOfId(argument.toLowerCase()) : placeOf(argument);
  if (uri !== undefined) return await writePlace(uri, io);
  await inProject(io, async (task: string) => {
    keepStdout();
    await writeOutput(uriOfTask(await loadTasks(task, options), task), io);
  })(argument);
}

/** Writes what was named by its uri or id, so that it should be there. */
async function writePlace(uri: string, io: CliIo): Promise<void> {
  try {
    await writeOutput(uri, io);
  } catch (error) {
    if (!(error instanceof TargetNotFoundError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

async function uriOfId(beginning: string): Promise<string> {
  const found = await findOutputs(beginning);
  const [output] = found;
  if (output !== undefined && found.length === 1) return output.uri;
  throw new UsageError(
    found.length === 0
      ? `Cannot find the output "${beginning}": there is no task whose id begins so, neither in the index nor among what is stored`
      : `Cannot tell which output is meant: the ids of ${found.length} begin with "${beginning}". Give more of one:\n${
        candidates(found)
      }`,
  );
}

function candidates(found: readonly FoundOutput[]): string {
  const lines = found.slice(0, MOST_NAMED).map(({ id, typeId }) => `  ${id}  ${typeId}`);
  const more = found.length - lines.length;
  return [...lines, ...more > 0 ? [`  ... and ${more} more`] : []].join("\n");
}

/** The argument where it names a place below a target root, and no task. */
function placeOf(argument: string): string | undefined {
  const isUri = /^[a-z][a-z0-9+.-]*:\/\//i.test(argument);
  const place = isUri ? argument : resolve(argument) + (argument.endsWith("/") ? "/" : "");
  targetRoots(); // by which they are known
  const isBelow = targetFactoryProvider.get().rootAbove(place) !== undefined;
  return isBelow && (isUri || moduleArgument(argument).name === undefined) ? place : undefined;
}

function uriOfTask(tasks: Parameters<typeof flattenTaskStruct>[0], argument: string): string {
  const [task, ...others] = flattenTaskStruct(tasks);
  if (task === undefined || others.length > 0) {
    throw new UsageError(
      `Cannot show the outputs of ${
        others.length + 1
      } tasks at once: name one behind a dot, one of ${Object.keys(tasks ?? {}).join(", ")}`,
    );
  }
  const uri = outputUriOf(task);
  if (uri === undefined) throw new UsageError(`Cannot show "${argument}": it has no output`);
  return uri;
}

async function writeOutput(uri: string, io: CliIo): Promise<void> {
  if (uri.endsWith("/") || isFolder(uri)) throw await folderError(uri.replace(/\/?$/, "/"));
  for await (const chunk of targetFactoryProvider.get().getTarget(uri).readable()) {
    if (!io.stdout.writeBytes(chunk)) return;
  }
}

async function folderError(uri: string): Promise<UsageError> {
  const names = isFolder(uri)
    ? [...Deno.readDirSync(uri)].map(({ name, isDirectory }) => isDirectory ? `${name}/` : name)
    : [...await targetFactoryProvider.get().getDirectoryTarget(uri).subKeys()];
  const lines = names.sort().slice(0, MOST_NAMED).map((name) => `  ${uri}${name}`);
  return new UsageError(
    `Cannot show "${uri}": it is a folder. Name a file in it:\n${lines.join("\n")}`,
  );
}

function isFolder(uri: string): boolean {
  try {
    return isLocalUri(uri) && Deno.statSync(uri).isDirectory;
  } catch {
    return false;
  }
}
