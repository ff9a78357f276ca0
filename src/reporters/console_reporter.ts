/**
 * Shows a build to a person: on a terminal as a block that is kept up to date, elsewhere as plain lines. Unaware of how
 * the build is done.
 *
 * @module
 */

import { readableVariable } from "../environment.ts";
import { checkOptions } from "../options.ts";
import { LiveReporter } from "./live_reporter.ts";
import { paintOf } from "./paint.ts";
import { PlainReporter } from "./plain_reporter.ts";
import type { Reporter } from "../builders/reporter.ts";
import { checkOutput, type ReporterOutput } from "./reporter_output.ts";

/** Options of {@linkcode consoleReporter}. */
export interface ConsoleReporterOptions {
  /** Where to write; `Deno.stderr` unless told. */
  readonly output?: ReporterOutput | undefined;
  /** Whether lines may be redrawn; unless told, when the output is a terminal, and neither dumb nor in CI. */
  readonly isTerminal?: boolean | undefined;
  /** Whether to use colours; unless told, on a terminal where `NO_COLOR` is not set. */
  readonly color?: boolean | undefined;
}

/**
 * Shows how a build goes and how it ended, on stderr.
 *
 * On a terminal: how far it is, what runs for how long, why a task was last retried, and how long it will take where
 * that can be said; what tasks print with `console` or `Deno.stdout` appears above. (What workers and child processes
 * print there is not seen: have it piped.) Elsewhere: plain lines, one for each task while there are few, else one now
 * and then; failures, retries and warnings as they come. In both, a summary at the end.
 *
 * Needs no permission. `FORCE_COLOR`, `TERM=dumb` and `CI` are heeded where the environment may be read. Serves one build
 * at a time.
 *
 * @example
 * ```ts ignore
 * await sd.build(task, { reporter: sd.consoleReporter() });
 * ```
 */
export function consoleReporter(options: ConsoleReporterOptions = {}): Reporter {
  checkOptions(options, ["output", "isTerminal", "color"], "make a consoleReporter");
  const { output = Deno.stderr } = options;
  checkOutput(output, "make a consoleReporter", "Deno.stderr");
  const {
    isTerminal = output.isTerminal?.() === true && readableVariable("TERM") !== "dumb" &&
      isOff(readableVariable("CI")),
    color = isColorful(isTerminal),
  } = options;
  const paint = paintOf(color);
  return isTerminal ? new LiveReporter(output, paint) : new PlainReporter(output, paint);
}

function isColorful(isTerminal: boolean): boolean {
  const forced = readableVariable("FORCE_COLOR");
  return forced === undefined ? isTerminal && !Deno.noColor : !isOff(forced);
}

function isOff(value: string | undefined): boolean {
  return value === undefined || value === "" || value === "0" || value === "false";
}
