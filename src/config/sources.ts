/**
 * Reads variables and files as far as Deno allows, without ever asking for more, and keeps account of what it did not
 * see. Unaware of what is in them.
 *
 * @module
 */

import { mayReadVariable } from "../environment.ts";
import { ConfigError, messageOf, PermissionError } from "../errors.ts";
import { homeVariable } from "./paths.ts";

/** What one look at the configuration was and was not allowed to see. */
export class Sources {
  readonly #variables = new Map<string, boolean>();
  readonly #unseenPaths = new Set<string>();

  /** The value of a variable; `undefined` when it is not set, empty, or may not be read. */
  variable(name: string): string | undefined {
    const isSeen = mayReadVariable(name);
    this.#variables.set(name, isSeen);
    return isSeen ? Deno.env.get(name) || undefined : undefined;
  }

  /** Whether the variable has been asked for and may not be read. */
  isUnseen(name: string): boolean {
    return this.#variables.get(name) === false;
  }

  /** The home folder; `undefined` when there is none, or it may not be known. */
  home(): string | undefined {
    return this.variable(homeVariable());
  }

  /** The text of a file; `undefined` when it is not there, or may not be read. Throws `ConfigError` when it cannot be. */
  text(path: string): string | undefined {
    if (!mayReadFile(path)) {
      this.#unseenPaths.add(path);
      return undefined;
    }
    try {
      return Deno.readTextFileSync(path);
    } catch (error) {
      if (isAbsence(error)) return undefined;
      if (error instanceof Deno.errors.NotCapable) {
        this.#unseenPaths.add(path); // it leads to where Deno may not read
        return undefined;
      }
      throw new ConfigError(
        `Cannot read the configuration in "${path}": ${messageOf(error)}. ` +
          `Make it a file that can be read, or remove it`,
        { cause: error },
      );
    }
  }

  /**
   * Throws `PermissionError` when not all that was asked for was seen. `state` is what cannot be done and why; `variables`
   * are those that the flag is to grant besides.
   */
  requireAll(state: string, purpose: string, variables: readonly string[] = []): void {
    const names = [...this.#variables.keys()];
    const unseen = names.filter((name) => this.isUnseen(name));
    const paths = [...this.#unseenPaths];
    if (unseen.length + paths.length === 0) return;
    const flag = [
      // Those that may be read already as well: a flag says all that it grants.
      ...unseen.length > 0
        ? [`--allow-env=${[...new Set([...variables, ...names])].join(",")}`]
        : [],
      ...paths.length > 0 ? [`--allow-read=${paths.join(",")}`] : [],
    ].join(" ");
    const missing = [...unseen, ...paths.map((path) => `"${path}"`)].join(", ");
    throw new PermissionError(
      `${state}, and Deno may not read ${missing}. Run with ${flag}, ${purpose}`,
      { flag },
    );
  }
}

/** Whether a file may be read without anybody being asked. */
export function mayReadFile(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Whether all variables may be read, so that it can be told which there are. */
export function mayReadAllVariables(): boolean {
  const { state, partial } = Deno.permissions.querySync({ name: "env" });
  return state === "granted" && partial !== true;
}

/** Whether the error says that there is no such file. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}
