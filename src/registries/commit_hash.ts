/**
 * Which commit of the code runs. Unaware of who wants to know.
 *
 * @module
 */

import { readableVariable } from "../environment.ts";

/** How long to wait for git, in milliseconds. */
const GIT_TIMEOUT = 5000;

/** The commit of the code in the current folder; `null` where it cannot be told without asking for a permission. */
export async function commitHash(): Promise<string | null> {
  for (const variable of ["SHORT_SHA", "COMMIT_HASH"]) {
    const value = readableVariable(variable);
    if (value !== undefined && value !== "") return value;
  }
  if (Deno.permissions.querySync({ name: "run", command: "git" }).state !== "granted") return null;
  const head = await git("rev-parse", "--short", "HEAD");
  if (head === undefined) return null;
  return await git("status", "--porcelain") ? `${head}-dirty` : head;
}

/** What git prints; `undefined` when it fails, is not there, or takes too long. */
async function git(...args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: [...args],
      // It only looks: it must not be in the way of a git that is at work.
      env: { GIT_OPTIONAL_LOCKS: "0" },
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(GIT_TIMEOUT),
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
