/**
 * What the help of a command shows besides its options. Unaware of what commands do.
 *
 * @module
 */

import type { Command } from "commander";

/** Has the help of the command end with examples; each is a line to type in. Gives the command. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  $ ${example}`);
  return command.addHelpText(
    "after",
    ({ error }) => error ? "" : `\nExamples:\n${lines.join("\n")}`,
  );
}
