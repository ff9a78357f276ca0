/**
 * What the modules and tasks of the user print. Unaware of what that is.
 *
 * @module
 */

import { Console } from "node:console";
import process from "node:process";

/**
 * Has what code of the user prints to stdout from now on go to stderr, so that stdout has the result of the command and
 * nothing else.
 */
export function keepStdout(): void {
  Object.assign(console, new Console(process.stderr, process.stderr));
  const { stderr } = Deno;
  Object.assign(Deno.stdout, {
    write: (bytes: Uint8Array) => stderr.write(bytes),
    writeSync: (bytes: Uint8Array) => stderr.writeSync(bytes),
  });
  Object.assign(process.stdout, { write: process.stderr.write.bind(process.stderr) });
}
