import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { moduleArgument } from "../../src/cli/module_argument.ts";
import { givenParameters, parametersFor, untypedValues } from "../../src/cli/parameters.ts";
import { closest } from "../../src/cli/similar.ts";
import { UsageError } from "../../src/cli/usage.ts";
import { taskTypeOf } from "../../src/tasks/type_registry.ts";

const { task } = sd.namespace("cli_parameters", import.meta.url);
const rows = task({ name: "rows", output: z.array(z.int()), run: () => [1] });
const all = task({
  name: "all",
  params: {
    text: z.string().optional(),
    textOrNull: z.string().nullable().optional(),
    number: z.number().optional(),
    flag: z.boolean().optional(),
    day: z.date().optional(),
    big: z.bigint().optional(),
    choice: z.enum(["a", "1"]).optional(),
    either: z.union([z.string(), z.number()]).optional(),
    anything: z.unknown().optional(),
    list: z.array(z.int()).optional(),
    input: sd.depends(z.array(z.int())).optional(),
    inputs: z.array(sd.depends(z.array(z.int()))).optional(),
  },
  output: z.int(),
  run: () => 1,
});

/** What is made of one `--param`. */
async function valueOf(param: string): Promise<unknown> {
  const given = await givenParameters({ param: [param] });
  const [value] = Object.values(parametersFor(taskTypeOf(all), given));
  return value;
}

Deno.test("a parameter that is a text takes it as it is typed in", async () => {
  for (const text of ["5", "null", "true", '"quoted"', "[1]", "a=b", ""]) {
    assertEquals(await valueOf(`text=${text}`), text);
  }
  assertEquals(await valueOf("textOrNull=null"), null);
  assertEquals(await valueOf("textOrNull=nil"), "nil");
});

Deno.test("a parameter that is no text takes JSON", async () => {
  assertEquals(await valueOf("number=1e3"), 1000);
  assertEquals(await valueOf("flag=false"), false);
  assertEquals(await valueOf("list=[1, 2]"), [1, 2]);
  assertEquals(await valueOf("big=12345678901234567890"), 12345678901234567890n);
  assertEquals(await valueOf("either=5"), 5);
  assertEquals(await valueOf('anything={"a": 1}'), { a: 1 });
});

Deno.test("a parameter takes text where it is no JSON, or where only the text fits", async () => {
  assertEquals(await valueOf("choice=a"), "a");
  assertEquals(await valueOf("choice=1"), "1");
  assertEquals(await valueOf("either=five"), "five");
  assertEquals(await valueOf("anything=plain"), "plain");
  assertEquals(await valueOf("day=2026-01-31T12:00:00Z"), new Date("2026-01-31T12:00:00Z"));
  assertEquals(await valueOf("day=2026-01-31"), new Date("2026-01-31T00:00:00Z"));
});

Deno.test("a task stands in a parameter as its JSON", async () => {
  const body = JSON.stringify(rows());
  assertEquals(String(await valueOf(`input=${body}`)), String(rows()));
  assertEquals(String(await valueOf(`list=${body}`)), String(rows()));
  assertEquals(String(await valueOf(`inputs=[${body}, ${body}]`)), `${rows()},${rows()}`);
});

Deno.test("a value that looks like JSON and is none is refused as such", async () => {
  const error = await assertRejects(() => valueOf("list=[1, 2"), UsageError);
  assertEquals(/^Cannot use --param list: it is no JSON/.test(error.message), true);
});

Deno.test("a parameter is read from a file where it begins with @, and is taken as typed with two", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, "\uFEFF[3]");
    assertEquals(await valueOf(`list=@${path}`), [3]);
    assertEquals(await valueOf(`text=@@${path}`), `@${path}`);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a single parameter takes the place of one in --params", async () => {
  const options = { params: '{"number": 1, "flag": true}', param: ["number=2"] };
  const given = await givenParameters(options);
  assertEquals(parametersFor(taskTypeOf(all), given), { number: 2, flag: true });
  assertEquals(untypedValues(await givenParameters({ param: ["a=1", "b=x"] })), { a: 1, b: "x" });
});

Deno.test("an argument is a module, and an export behind the last colon", () => {
  const parts = (argument: string): readonly [string, string | undefined] => {
    const { specifier, name } = moduleArgument(argument);
    return [specifier, name];
  };
  const here = new URL(`file://${Deno.cwd()}/`);
  assertEquals(parts("a/b.ts:root"), [new URL("a/b.ts", here).href, "root"]);
  assertEquals(parts("./b.ts"), [new URL("b.ts", here).href, undefined]);
  assertEquals(parts("/a b/c.ts:r$_1"), ["file:///a%20b/c.ts", "r$_1"]);
  assertEquals(parts("file:///a/b.ts:root"), ["file:///a/b.ts", "root"]);
  assertEquals(parts("https://example.com/a.ts:root"), ["https://example.com/a.ts", "root"]);
  assertEquals(parts("https://example.com:8000/a.ts"), [
    "https://example.com:8000/a.ts",
    undefined,
  ]);
  assertEquals(parts("jsr:@scope/name"), ["jsr:@scope/name", undefined]);
  assertEquals(parts("jsr:@scope/name@1/tasks:root"), ["jsr:@scope/name@1/tasks", "root"]);
  assertEquals(parts("npm:name"), ["npm:name", undefined]);
  for (const argument of ["", ":root"]) {
    assertThrows(() => moduleArgument(argument), UsageError, "Cannot tell the module");
  }
});

Deno.test("a word is similar when up to two in five of its characters differ", () => {
  const words = ["train", "test", "report"];
  assertEquals(closest("trian", words), "train");
  assertEquals(closest("Train", words), "train");
  assertEquals(closest("rport", words), "report");
  assertEquals(closest("tset", words), "test");
  assertEquals(closest("evaluate", words), undefined);
  assertEquals(closest("", words), undefined);
});
