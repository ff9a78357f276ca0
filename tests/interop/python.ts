/**
 * A Python with the original `stardag` package, for tests that hold both against each other: that of the variable
 * STARDAG_TEST_PYTHON, or else `python3` where it has the package. Without one the tests are ignored, and say so.
 */

const VARIABLE = "STARDAG_TEST_PYTHON";

const python: string | undefined = await find();

/** Registers a test that needs Python; it is ignored, with a line that says so, on a machine that has none. */
export function pythonTest(fact: string, prove: () => Promise<void>): void {
  if (python === undefined) {
    console.log(
      `NOT CHECKED, there is no Python with stardag: ${fact}. Do "pip install stardag" and set ${VARIABLE} to that python`,
    );
  }
  Deno.test({ name: fact, ignore: python === undefined, fn: prove });
}

/** Runs a script of this folder and gives the JSON that it writes. Throws with what it said when it fails. */
export async function runPython(
  script: string,
  { args = [], env = {}, input = "" }: {
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: string;
  },
): Promise<unknown> {
  const child = new Deno.Command(python ?? "python3", {
    args: [new URL(script, import.meta.url).pathname, ...args],
    env: { PYTHONUTF8: "1", PYTHONDONTWRITEBYTECODE: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writing = new Response(input).body?.pipeTo(child.stdin) ?? child.stdin.close();
  const [{ success, stdout, stderr }] = await Promise.all([child.output(), writing]);
  const said = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${script} ${args.join(" ")} has failed: ${said}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function find(): Promise<string | undefined> {
  const named = Deno.env.get(VARIABLE);
  const command = named ?? "python3";
  try {
    const { success, stderr } = await new Deno.Command(command, {
      args: ["-c", "import stardag"],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return command;
    // What is asked for by name must be there.
    if (named !== undefined) throw new Error(new TextDecoder().decode(stderr));
  } catch (error) {
    if (named !== undefined) {
      throw new Error(
        `Cannot use the Python of ${VARIABLE}, "${named}": it has no stardag. Do "${named} -m pip install stardag"`,
        { cause: error },
      );
    }
  }
  return undefined;
}
