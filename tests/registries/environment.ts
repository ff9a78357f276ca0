/** Sets variables of the environment until it is disposed; `undefined` for one that is not to be there. */
export function environment(variables: Readonly<Record<string, string | undefined>>): Disposable {
  const set = (name: string, value: string | undefined): void =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(variables)) set(name, value);
  return {
    [Symbol.dispose](): void {
      for (const [name, value] of before) set(name, value);
    },
  };
}
