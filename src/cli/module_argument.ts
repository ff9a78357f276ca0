/**
 * The parts of `<module>[:export]`, of which the export may be followed by members: `:pipeline.report`. Unaware of what is in the module.
 *
 * @module
 */

import { resolve, toFileUrl } from "@std/path";
import { UsageError } from "./usage.ts";

/** What a task argument names. */
export interface ModuleArgument {
  /** The module as it was written. */
  readonly module: string;
  /** What it is imported by: a URL, or a specifier such as `jsr:@scope/name`. */
  readonly specifier: string;
  /** The export, where one is named. */
  readonly name: string | undefined;
  /** Which of the tasks in it: names in records and of parameters, places in arrays. */
  readonly members: readonly string[];
}

/** Takes the argument apart; a path is relative to the current folder. Throws `UsageError`. */
export function moduleArgument(argument: string): ModuleArgument {
  const [, before = "", after = ""] =
    /^(.*):([\p{ID_Start}$_][\p{ID_Continue}$]*(?:\.[\p{ID_Continue}$]+)*)$/su
      .exec(argument) ?? [];
  // What stands before the first colon may be a scheme: of "npm:name", "name" is no export.
  const isNamed = before !== "" && !SCHEME_ONLY.test(before);
  const [name, ...members] = isNamed ? after.split(".") : [];
  const module = isNamed ? before : argument;
  if (module === "" || module.startsWith(":")) {
    throw new UsageError(
      `Cannot tell the module of "${argument}": give a path or URL, and the export behind a colon, e.g. pipeline.ts:report`,
    );
  }
  return { module, specifier: specifierOf(module), name, members };
}

const SCHEME_ONLY = /^(?:jsr|npm|node|file|https?|data|blob)$/;

function specifierOf(module: string): string {
  if (/^(?:jsr|npm|https?|data|blob):/.test(module)) return module;
  if (module.startsWith("file://")) return new URL(module).href;
  return toFileUrl(resolve(module.replace(/^file:/, ""))).href;
}
