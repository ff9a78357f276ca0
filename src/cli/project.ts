/**
 * Where the modules of a project find their packages: as the `deno.json` next to or above them says. What is done with them
 * is done where that file is in force, and by the copy of this package that they use: what is set in one copy, such as
 * where outputs are kept, is not known to another.
 *
 * @module
 */

import { resolve, toFileUrl } from "@std/path";
import { configFlags, inheritedFlags } from "../executors/process_flags.ts";
import { PERMISSION_KINDS } from "../tasks/run_policy.ts";
import { CliIo } from "./cli_io.ts";
import { moduleArgument } from "./module_argument.ts";

/** What a project calls this module, where it names the package. */
const CLI = "@stardag/core/cli";

/**
 * Has the command run in the project of the module, if that is elsewhere: then `true`, and the exit code is set.
 *
 * Where the project has a `deno.json` that is not in force here, that is in a process which is started with it; not with
 * less than all permissions, as nobody could tell which ones to hand on. Where it is in force and names another copy of
 * this package, that is by the command line of the other copy.
 */
export async function ranInProject(argument: string, io: CliIo): Promise<boolean> {
  const [config] = projectFlags(argument);
  if (config !== undefined && !isInForce(config)) {
    if (!hasAllPermissions()) return false;
    io.isHandedOn = true;
    io.exitCode = await runAgain(config, io.args);
    return true;
  }
  const other = await commandLineOfProject();
  if (other === undefined || other.CliIo === CliIo) return false;
  io.isHandedOn = true;
  io.exitCode = await other.runCli(io.args);
  return true;
}

/** The flag that names the `deno.json` of the module; empty where there is none. */
export function projectFlags(argument: string): readonly string[] {
  return configFlags(moduleArgument(argument).specifier);
}

function isInForce(config: string): boolean {
  const main = Deno.mainModule;
  if (main.startsWith("data:")) return true;
  if (main.startsWith("file:")) return configFlags(main)[0] === config;
  // For what is not a file, Deno takes the one of the current folder, or none where it is installed.
  return resolved(CLI) !== undefined &&
    configFlags(toFileUrl(resolve("main.ts")).href)[0] === config;
}

/** The command line that the project names, by what tells it from others. */
async function commandLineOfProject(): Promise<
  { readonly CliIo: unknown; runCli(args: readonly string[]): Promise<number> } | undefined
> {
  return resolved(CLI) === undefined ? undefined : await import(CLI);
}

function resolved(specifier: string): string | undefined {
  try {
    return import.meta.resolve(specifier);
  } catch {
    return undefined;
  }
}

function hasAllPermissions(): boolean {
  const unlimited = inheritedFlags([], []).filter((flag) => !flag.includes("="));
  return unlimited.length === PERMISSION_KINDS.length;
}

async function runAgain(config: string, args: readonly string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", config, codeOf(ownSpecifier()), ...args],
  }).spawn();
  for (const signal of SIGNALS) Deno.addSignalListener(signal, () => handOn(signal, child));
  const { code } = await child.status;
  return code;
}

/** What a process is told to end by. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

function handOn(signal: Deno.Signal, child: Deno.ChildProcess): void {
  // Ctrl-C is for all processes on the terminal: the other one stops, and this one ends with it.
  if (signal === "SIGINT" && (Deno.build.os === "windows" || isOnTerminal())) return;
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // else it has ended
  }
}

function isOnTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((each) => each.isTerminal());
}

/** By the name of its package where it is published: then modules that name the package, too, get the same copy. */
function ownSpecifier(): string {
  const url = import.meta.resolve("./main.ts");
  const [, version] = /\/@stardag\/core\/([^/]+)\/src\/cli\/main\.ts$/.exec(url) ?? [];
  return version === undefined ? url : `jsr:@stardag/core@${version}/cli`;
}

function codeOf(own: string): string {
  const code = `let cli = ${JSON.stringify(own)}; ` +
    `try { import.meta.resolve(${JSON.stringify(CLI)}); cli = ${JSON.stringify(CLI)}; } catch {} ` +
    `const { runCli } = await import(cli); runCli(Deno.args).then((code) => Deno.exit(code));`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
