/**
 * What the modules and tasks of the user print. Unaware of what that is.
 *
 * @module
 */

import { Console } from "node:console";
import process from "node:process";
import { leadStdout } from "../executors/led_stdout.ts";

/**
 * Has what code of the user prints to stdout from now on go to stderr, so that stdout has the result of the command and
 * nothing else.
 */
export function keepStdout(): void {
  Object.assign(console, new Console(process.stderr, process.stderr));
  leadStdout((bytes) => Deno.stderr.writeSync(bytes));
}
