/**
 * One of several: the one that was named, the only one there is, or the one that a person at the terminal chooses. Unaware
 * of what they are.
 *
 * @module
 */

import { quoted } from "../config/config_file.ts";
import { ConfigError } from "../errors.ts";
import { printableLine } from "../reporters/text_width.ts";
import type { CliIo } from "./cli_io.ts";
import { didYouMean } from "./similar.ts";
import { UsageError } from "./usage.ts";

/** What can be chosen. */
export interface Choosable {
  /** What people write for it. */
  readonly slug: string;
  /** What they may write instead. */
  readonly id: string;
  /** What tells them which one it is. */
  readonly name: string;
}

/** What is chosen, and what for. */
export interface ChooseOptions {
  /** Errors begin with `Cannot` and this. */
  readonly action: string;
  /** Its kind, e.g. `workspace`; also the name of the option that names one. */
  readonly what: string;
  /** The one that was named. */
  readonly wanted?: string | undefined;
  /** The one to take where none was named, if it is there. */
  readonly usual?: string | undefined;
}

/** Asks whoever sits at the terminal; `undefined` when nothing comes. */
export type Ask = (question: string) => Promise<string | undefined>;

/**
 * Rejects with `UsageError` when none is named and nobody can be asked, or there is none of that name; with `ConfigError`
 * when there are none at all.
 */
export async function chosen<T extends Choosable>(
  all: readonly T[],
  { action, what, wanted, usual }: ChooseOptions,
  io: CliIo,
  ask: Ask | undefined = askAtTerminal(io),
): Promise<T> {
  const [first, ...others] = all;
  if (first === undefined) {
    throw new ConfigError(`Cannot ${action}: there is no ${what} to choose. Have one made first`);
  }
  const named = (name: string | undefined): T | undefined =>
    all.find(({ slug }) => slug === name) ?? all.find(({ id }) => id === name);
  const found = named(wanted);
  if (found !== undefined) return found;
  if (wanted !== undefined) throw unknownName(action, what, wanted, all.map(({ slug }) => slug));
  if (others.length === 0) return first;
  const before = named(usual);
  if (before !== undefined) return before;
  if (ask === undefined) {
    const slugs = printableLine(quoted(all.map(({ slug }) => slug)));
    throw new UsageError(
      `Cannot ${action}: there are several to choose from, ${slugs}. Name one with --${what}`,
    );
  }
  return await chosenByPerson(all, what, io, ask);
}

/** What to say of a name that nothing has. */
export function unknownName(
  action: string,
  what: string,
  name: string,
  names: readonly string[],
): UsageError {
  const others = names.length === 0 ? "there are none" : `only ${quoted(names)}`;
  return new UsageError(
    printableLine(
      `Cannot ${action}: there is no ${what} "${name}", ${others}${didYouMean(name, names)}`,
    ),
  );
}

/**
 * Throws `UsageError` for what nothing new should be called: names stand in the names of files and in messages. Names that
 * are there already may be of any kind.
 */
export function checkNewName(action: string, what: string, name: string): void {
  if (/^[\p{L}\p{N}][\p{L}\p{N}\p{M} ._@+-]*$/u.test(name)) return;
  throw new UsageError(
    `Cannot ${
      printableLine(action)
    }: a ${what} is called by letters and digits, and after the first also by ` +
      `"-", "_", ".", "@", "+" and spaces. Give another name`,
  );
}

async function chosenByPerson<T extends Choosable>(
  all: readonly T[],
  what: string,
  io: CliIo,
  ask: Ask,
): Promise<T> {
  all.forEach(({ slug, name }, i) => io.tell(printableLine(`  ${i + 1}  ${slug}  ${name}`)));
  for (;;) {
    const answer = await ask(`Which ${what}? [1-${all.length}] `);
    if (answer === undefined) throw new UsageError(`No ${what} was chosen`);
    const text = answer.trim();
    const found = /^\d+$/.test(text)
      ? all[Number(text) - 1]
      : all.find(({ slug }) => slug === text);
    if (found !== undefined) return found;
  }
}

function askAtTerminal(io: CliIo): Ask | undefined {
  if (!Deno.stdin.isTerminal() || !io.stderr.isTerminal) return undefined;
  return async (question) => {
    io.stderr.write(question);
    const bytes = new Uint8Array(1024); // a terminal gives what was typed line by line
    const length = await Deno.stdin.read(bytes);
    return length === null ? undefined : new TextDecoder().decode(bytes.subarray(0, length));
  };
}
