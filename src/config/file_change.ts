/**
 * Changes files that several programs keep together, and that may hold secrets: one program at a time, and each file
 * replaced whole. Unaware of what is in them.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import type { z } from "zod";
import { ConfigError, messageOf, PermissionError, StardagError } from "../errors.ts";
import { parseJsonFile } from "./json_file.ts";
import { isAbsence } from "./sources.ts";

/** How long others are waited for, in milliseconds: longer than it takes to get a token. */
const LONGEST_TURN = 120_000;

/** Options of {@linkcode changeFile}. */
export interface ChangeFileOptions {
  /** Whether nobody else may read it; else a file that is there keeps its mode. */
  readonly isSecret: boolean;
}

/**
 * Replaces a file by what `change` makes of its text, and makes its folder when that is missing; `undefined` stands for no
 * file. Resolves to whether there was anything to change. Nobody sees half of it, whenever this program ends, and nobody
 * else who changes it in this way comes between. Rejects with `PermissionError` and `ConfigError`.
 */
export async function changeFile(
  path: string,
  change: (text: string | undefined) => string | undefined,
  { isSecret }: ChangeFileOptions,
): Promise<boolean> {
  using _ = await lockFile(join(dirname(path), ".lock"));
  return await named(path, async () => {
    const place = await orNone(Deno.realPath(path)) ?? path; // a link is left as it is
    const temporary = `${place}.tmp`;
    await orNone(Deno.remove(temporary)); // of somebody who died
    const text = await orNone(Deno.readTextFile(place));
    const next = change(text);
    if (next === text) return false;
    if (next === undefined) {
      await Deno.remove(place);
      return true;
    }
    const mode = text === undefined ? undefined : (await Deno.stat(place)).mode;
    try {
      await writeNew(temporary, next, isSecret ? 0o600 : (mode ?? 0o644) & 0o777);
      if (!isSecret && mode !== null && mode !== undefined) {
        await Deno.chmod(temporary, mode & 0o777);
      }
      await Deno.rename(temporary, place);
    } catch (error) {
      await orNone(Deno.remove(temporary));
      throw error;
    }
    return true;
  });
}

/**
 * Replaces a file by what `change` makes of what is in it; `undefined` stands for no file. Resolves to whether anything
 * changed. Rejects as `changeFile` does, and with `ConfigError` with `remedy` at its end for what is no such JSON.
 */
export function changeJsonFile<T>(
  path: string,
  schema: () => z.ZodType<T>,
  remedy: string,
  change: (content: T | undefined) => T | undefined,
  options: ChangeFileOptions,
): Promise<boolean> {
  return changeFile(path, (text) => {
    const content = text === undefined ? undefined : parseJsonFile(path, text, schema, remedy);
    const next = change(content);
    return next === undefined ? undefined : JSON.stringify(next, mapsAsObjects, 2);
  }, options);
}

/**
 * Waits until nobody else holds the lock of that name, and holds it until it is disposed or the program ends. The file
 * stays. Rejects with `PermissionError` and `ConfigError`.
 */
export async function lockFile(path: string): Promise<Disposable> {
  return await named(path, async () => {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await Deno.open(path, { write: true, create: true, mode: 0o600 });
    try {
      const giveUpAt = performance.now() + LONGEST_TURN;
      while (!await file.tryLock(true)) {
        if (performance.now() > giveUpAt) {
          throw new Error(`another program has it for over ${LONGEST_TURN} ms`);
        }
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  });
}

/** The names of what is in a folder; none when it is missing. Rejects with `PermissionError` and `ConfigError`. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return await named(join(folder, "*"), async () => {
    const entries = await orNone(Array.fromAsync(Deno.readDir(folder)));
    return (entries ?? []).map(({ name }) => name);
  });
}

function mapsAsObjects(_: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

/** Writes it to the disk; its mode is right from its first byte on. */
async function writeNew(path: string, text: string, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
  await file.sync();
}

/** Does something with a file if Deno permits it without asking anybody, and says what is wrong with it. */
async function named<T>(path: string, run: () => Promise<T>): Promise<T> {
  const folder = dirname(path);
  const denied = (cause?: unknown): PermissionError => {
    const flag = `--allow-read=${folder} --allow-write=${folder}`;
    return new PermissionError(
      `Cannot change "${path}": Deno may not do so. Run with ${flag}, which is where it is kept`,
      { flag, cause },
    );
  };
  for (const name of ["read", "write"] as const) {
    const { state } = await Deno.permissions.query({ name, path: folder });
    if (state !== "granted") throw denied();
  }
  try {
    return await run();
  } catch (error) {
    if (error instanceof StardagError) throw error;
    if (error instanceof Deno.errors.NotCapable) throw denied(error);
    throw new ConfigError(
      `Cannot change "${path}": ${
        messageOf(error)
      }. Make it a file that can be written, or remove it`,
      { cause: error },
    );
  }
}

async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
