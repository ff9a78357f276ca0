/**
 * Which tests of a conformance suite something does not pass, to show that the suite tells.
 */

/** A test that was registered and not run. */
export interface Fact {
  readonly name: string;
  readonly prove: () => Promise<void>;
}

/** What a conformance suite registers, in place of which nothing is registered. */
export function factsOf(register: () => void): readonly Fact[] {
  const facts: Fact[] = [];
  const { test } = Deno;
  const collect = (name: string, prove: () => Promise<void>): void => {
    facts.push({ name, prove });
  };
  Object.assign(Deno, { test: collect });
  try {
    register();
  } finally {
    Object.assign(Deno, { test });
  }
  return facts;
}

/** The names of those facts that do not hold. */
export async function failuresOf(facts: readonly Fact[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, prove } of facts) await prove().catch(() => failed.push(name));
  return failed;
}
