import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join, relative } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const EXAMPLE = join(ROOT, "examples", "penguins");

Deno.test("the penguins example runs all once, and then nothing", async () => {
  await using output = await temporaryFolder();
  const first = await succeeds(output.path);
  assertMatch(
    first.told,
    /^\[37\/37\] penguins\..*\nBuild succeeded in .*: 37 succeeded \(37 tasks\)\n$/m,
  );
  assertMatch(
    first.found,
    /\n {4}98\.8 % {5}0\.\d{3} {2}logistic regression {2}rate 0\.2, L2 0\.01\n/,
  );
  const before = await statesBelow(output.path);
  assertEquals(Object.keys(before).length, 37);

  const second = await succeeds(output.path);
  assertMatch(second.told, /^Build .*nothing to run, 3 complete before \(3 tasks\)\n$/);
  assertMatch(second.found, /^All is complete, 0 tasks have run\n/);
  assertEquals(await statesBelow(output.path), before);

  const tables = first.found;
  assertStringIncludes(second.found, tables);
  const paths = [...tables.matchAll(/^ {2}(?:benchmark|chart|report) +(.*)$/gm)];
  assertEquals(paths.length, 3);
  for (const [, path = ""] of paths) assert((await Deno.stat(join(ROOT, path))).isFile);
});

Deno.test("the penguins example has the same ids and outputs by functions and by classes", async () => {
  await using byFunctions = await temporaryFolder();
  await using byClasses = await temporaryFolder();
  await succeeds(byFunctions.path);
  await succeeds(byClasses.path, { args: ["--api=class"] });
  // Names are made of ids, so this compares the ids, too, those of yielded tasks included.
  const contents = await contentsBelow(byFunctions.path);
  assertEquals(await contentsBelow(byClasses.path), contents);
  assertEquals(Object.keys(contents).length, 37);
  const other = await succeeds(byFunctions.path, { args: ["--api=class"] });
  assertMatch(other.told, /nothing to run/);
  assertMatch((await succeeds(byClasses.path)).told, /nothing to run/);
});

Deno.test("the penguins example finds a model that tells penguins apart", async () => {
  await using output = await temporaryFolder();
  await succeeds(output.path);
  const contents = await contentsBelow(output.path);
  const outputsOf = (type: string): string[] =>
    Object.entries(contents).filter(([path]) => path.startsWith(`penguins/${type}/`))
      .map(([, content]) => content);
  const rowsOf = (type: string): string[][] =>
    outputsOf(type).map((csv) => csv.trimEnd().split("\r\n").slice(1));

  assertEquals(rowsOf("dump").map(({ length }) => length), [344]);
  const [penguins = []] = rowsOf("dataset");
  assertEquals(penguins.length, 333);
  const subsets = rowsOf("subset");
  assertEquals(subsets.map(({ length }) => length).sort(), [166, 167]);
  assertEquals(subsets.flat().sort(), penguins.sort());
  assertEquals(outputsOf("trained_model").length, 10);

  const [best, ...others]: Result[] = JSON.parse(outputsOf("benchmark")[0] ?? "");
  assert(best !== undefined);
  const { accuracy, confusion, perSpecies } = best.metrics;
  assert(accuracy > 0.9 && accuracy < 1);
  assertEquals(others.filter(({ metrics }) => metrics.accuracy > accuracy), []);
  assertEquals([best, ...others].map(({ round }) => round).sort().join(""), "1111112222");
  const right = confusion.map((row, i) => row[i] ?? 0);
  assertEquals(accuracy, sum(right) / sum(confusion.flat()));
  assertEquals(sum(confusion.flat()), 167);
  for (const [i, { precision, recall }] of perSpecies.entries()) {
    assertEquals(recall, right[i]! / sum(confusion[i]!));
    assertEquals(precision, right[i]! / sum(confusion.map((row) => row[i]!)));
  }
});

Deno.test("the penguins example writes a report that names the best model and shows its chart", async () => {
  await using output = await temporaryFolder();
  await succeeds(output.path);
  const files = Object.entries(await contentsBelow(join(output.path, "penguins", "report")));
  const [chart, svg = ""] = files.find(([name]) => name.endsWith(".svg")) ?? [];
  const [, markdown = ""] = files.find(([name]) => name.endsWith(".md")) ?? [];
  assertStringIncludes(markdown, "**logistic regression** (rate 0.2, L2 0.01)");
  assertStringIncludes(markdown, "98.8 %");
  assertStringIncludes(markdown, `](${chart})`);
  assertWellFormed(svg);
  assertEquals(svg.match(/<circle /g)?.length, 10 + 2); // one for each model, two for the legend
  assertStringIncludes(svg, "prefers-color-scheme: dark");
});

Deno.test("the penguins example makes all anew when the data has changed, and the old outputs stay", async () => {
  await using output = await temporaryFolder();
  await using changed = await temporaryFolder();
  await succeeds(output.path);
  const before = await statesBelow(output.path);
  const example = await copyOfExample(changed.path, (csv) => csv.replace(/^Gentoo,.*\n/m, ""));
  assertMatch((await succeeds(output.path, { example })).told, /37 succeeded \(37 tasks\)/);
  const after = await statesBelow(output.path);
  assertEquals(Object.keys(after).length, 2 * 37);
  for (const [path, state] of Object.entries(before)) assertEquals(after[path], state);
});

Deno.test("the penguins example tells what failed and exits with 1, and takes it up when mended", async () => {
  await using output = await temporaryFolder();
  await using broken = await temporaryFolder();
  const example = await copyOfExample(broken.path, (csv) => csv.replace("Gentoo", "Emperor"));
  const { code, stdout, stderr } = await penguins(output.path, { example });
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertMatch(stderr, /^Build failed in .*1 succeeded, 1 failed/m);
  assertStringIncludes(stderr, "Cannot complete penguins.dataset(");
  assertStringIncludes(stderr, "species");

  await Deno.writeTextFile(
    join(broken.path, "schemas.ts"),
    (await Deno.readTextFile(join(broken.path, "schemas.ts"))).replace(
      `"Gentoo"]`,
      `"Gentoo", "Emperor"]`,
    ),
  );
  assertMatch((await succeeds(output.path, { example })).told, /36 succeeded, 1 complete before/);
});

Deno.test("the penguins example names the permission that it lacks", async () => {
  await using output = await temporaryFolder();
  const { code, stderr } = await penguins(output.path, { write: false });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "--allow-write=");
});

interface Result {
  readonly round: number;
  readonly metrics: {
    readonly accuracy: number;
    readonly confusion: readonly (readonly number[])[];
    readonly perSpecies: readonly { readonly precision: number; readonly recall: number }[];
  };
}

interface Options {
  readonly example?: string;
  readonly args?: readonly string[];
  readonly write?: boolean;
}

/** Runs the example with the permissions that its header names. */
async function penguins(
  output: string,
  { example = EXAMPLE, args = [], write = true }: Options = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--config=${join(ROOT, "deno.json")}`,
      `--allow-read=${example},${output}`,
      ...(write ? [`--allow-write=${output}`] : []),
      join(example, "main.ts"),
      `--output=${output}`,
      ...args,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What it tells of the build, and what it found. */
async function succeeds(
  output: string,
  options?: Options,
): Promise<{ readonly told: string; readonly found: string }> {
  const { code, stdout, stderr } = await penguins(output, options);
  assertEquals(code, 0, stderr);
  return { told: stderr, found: stdout };
}

/** The example, with other data, in another folder. */
async function copyOfExample(folder: string, change: (csv: string) => string): Promise<string> {
  for await (const { name, isFile } of Deno.readDir(EXAMPLE)) {
    if (isFile) await Deno.copyFile(join(EXAMPLE, name), join(folder, name));
  }
  const csv = await Deno.readTextFile(join(folder, "penguins.csv"));
  await Deno.writeTextFile(join(folder, "penguins.csv"), change(csv));
  return folder;
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "penguins_" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** What `of` gives for each output below the folder, by its relative path. */
async function filesBelow<T>(
  folder: string,
  of: (path: string) => Promise<T>,
): Promise<Record<string, T>> {
  const files: [string, T][] = [];
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for await (const { name, isDirectory } of Deno.readDir(at)) {
      if (name === ".stardag") continue; // the index of the outputs
      const path = join(at, name);
      if (isDirectory) folders.push(path);
      else files.push([relative(folder, path).replaceAll("\\", "/"), await of(path)]);
    }
  }
  return Object.fromEntries(files);
}

function contentsBelow(folder: string): Promise<Record<string, string>> {
  return filesBelow(folder, Deno.readTextFile);
}

/** What changes when a file is written again. */
function statesBelow(folder: string): Promise<Record<string, unknown>> {
  return filesBelow(folder, async (path) => {
    const { ino, mtime, size } = await Deno.stat(path);
    return { ino, mtime, size };
  });
}

/** Every tag is closed where it should be, attributes are quoted, and nothing else is special. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const tag = /<(\/?)([a-z]+)((?: [A-Za-z0-9:-]+="[^"<&]*")*)(\/?)>/g;
  const words = xml.replace(tag, (_, close: string, name: string, _attributes, empty: string) => {
    if (close === "/") assertEquals(open.pop(), name);
    else if (empty === "") open.push(name);
    return "";
  });
  assertEquals(open, []);
  assert(!/[<&]/.test(words), words);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
