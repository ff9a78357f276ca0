/**
 * Variables of the environment, as far as Deno lets them be read without asking anybody. Unaware of what they say.
 *
 * @module
 */

/** Whether the variable may be read without anybody being asked. */
export function mayReadVariable(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}

/** The value of a variable; `undefined` also when it may not be read. */
export function readableVariable(variable: string): string | undefined {
  return mayReadVariable(variable) ? Deno.env.get(variable) : undefined;
}
