/**
 * Keys that a program of the user's writes to its output.
 *
 * @module
 */

import { ConfigError, messageOf, PermissionError } from "../../errors.ts";
import { unlessAborted } from "../../waiting.ts";
import { Deadline } from "./deadline.ts";
import { credentialsFromJson, type S3Credentials } from "./credentials.ts";

const LONGEST_DETAIL = 300;
/** How long a program may run, in milliseconds: somebody may have to sign in. */
const LONGEST_RUN = 60_000;

/** What the command gives; `source` is where it is set. Throws `ConfigError`, or `PermissionError` where Deno denies it. */
export async function processCredentials(command: string, source: string): Promise<S3Credentials> {
  const [program = "", ...args] = wordsOf(command);
  const fault = (state: string, cause?: unknown): ConfigError =>
    new ConfigError(
      `Cannot get credentials for S3: the program "${program}" of ${source} ${state}. Correct that`,
      { cause },
    );
  const output = await run(program, args, fault);
  const text = new TextDecoder();
  if (!output.success) {
    const detail = text.decode(output.stderr).trim().slice(-LONGEST_DETAIL);
    throw fault(`ended with code ${output.code}${detail === "" ? "" : ` and "${detail}"`}`);
  }
  return credentialsFromJson(
    text.decode(output.stdout),
    "SessionToken",
    `the program "${program}"`,
  );
}

async function run(
  program: string,
  args: string[],
  fault: (state: string, cause: unknown) => Error,
): Promise<Deno.CommandOutput> {
  using deadline = new Deadline(LONGEST_RUN);
  const { signal } = deadline;
  try {
    const output = new Deno.Command(program, { args, stdin: "null", signal }).output();
    // What it has started itself may go on without it.
    return await unlessAborted(output, signal);
  } catch (error) {
    if (deadline.isLate) throw fault(`did not end within ${LONGEST_RUN} ms`, error);
    if (!(error instanceof Deno.errors.NotCapable)) {
      throw fault(`could not be started, ${messageOf(error)}`, error);
    }
    const flag = `--allow-run=${program}`;
    throw new PermissionError(
      `Cannot get credentials for S3: Deno may not run "${program}". Run with ${flag}`,
      { flag, cause: error },
    );
  }
}

/** The words of a command, which quotes keep together. */
function wordsOf(command: string): readonly string[] {
  const words = command.match(/(?:"(?:\\"|[^"])*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) =>
    word.replace(
      /"((?:\\"|[^"])*)"|'([^']*)'/g,
      (_, double?: string, single?: string) => double?.replaceAll('\\"', '"') ?? single ?? "",
    )
  );
}
