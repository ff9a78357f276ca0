import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

const { task } = sd.namespace("stardag.tests.load", import.meta.url);

const link = task({
  name: "link",
  params: { n: z.int(), before: sd.depends(z.int()).optional(), weight: z.number().default(0.5) },
  output: z.int(),
  run: ({ n }) => n,
});
const pair = task({
  name: "pair",
  params: { n: z.int(), left: sd.depends(z.int()), right: z.array(sd.depends(z.int())) },
  output: z.int(),
  run: ({ n }) => n,
});

/** A chain of so many tasks, the last one. */
function chain(length: number, weight: number): ReturnType<typeof link> {
  let last = link({ n: 0, weight });
  for (let n = 1; n < length; n++) last = link({ n, before: last, weight });
  return last;
}

Deno.test("a chain of 100,000 tasks is made, written and read without overflowing the stack", () => {
  for (const weight of [0.5, 0.30000000000000004]) {
    const top = chain(100_000, weight);
    assertEquals(sd.flattenTaskStruct(top.requires()).length, 1);
    const text = sd.stringifyTask(top);
    assertEquals(text.match(/"__name":"link"/g)?.length, 100_000);
    const again = sd.taskFromJSON(text);
    assertEquals(again.id, top.id);
    assertEquals(sd.taskFromJSON(top.toJSON()).id, top.id);
    assertEquals(String(again), String(top));
    assertEquals(sd.checkSerializationStability(top), []);
  }
});

Deno.test("a chain of 10,000 tasks is built", async () => {
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://chain" } }),
  );
  const summary = await sd.build(chain(10_000, 0.5));
  assertEquals(summary.taskCount.succeeded, 10_000);
});

Deno.test("a body that stands in many places is one object, and its task one task", () => {
  let top: sd.TaskLoads<number> = link({ n: 0 });
  const levels = 60;
  for (let n = 1; n <= levels; n++) top = pair({ n, left: top, right: [top, top] });
  // Were they not shared, this would be 3 ** 60 bodies.
  const bodies = new Set<unknown>();
  const rest: unknown[] = [top.toJSON()];
  for (let body = rest.pop() as sd.TaskBody | undefined; body; body = rest.pop() as sd.TaskBody) {
    if (bodies.has(body)) continue;
    bodies.add(body);
    if (body.left !== undefined) rest.push(body.left, ...body.right as unknown[]);
  }
  assertEquals(bodies.size, levels + 1);
  const again = sd.taskFromJSON(top.toJSON()) as ReturnType<typeof pair>;
  assertEquals(again.id, top.id);
  assert(again.left === again.right[0] && again.left === again.right[1]);
});

Deno.test("ids of an 18-level diamond are made once for each task", () => {
  let encoded = 0;
  const counted = z.codec(z.string(), z.string(), {
    decode: (text) => text,
    encode: (text) => (encoded++, text),
  });
  const level = task({
    name: "level",
    params: { n: counted, a: sd.depends(z.int()).optional(), b: sd.depends(z.int()).optional() },
    output: z.int(),
    run: () => 1,
  });
  let top = level({ n: "0" });
  for (let n = 1; n < 18; n++) top = level({ n: `${n}`, a: top, b: top });
  assertEquals(top.id, level({ n: "17", a: top.a, b: top.b }).id);
  assertEquals(encoded, 19);
});

Deno.test("JSON text and the value of it give the same task", () => {
  const made = link({ n: 3, before: link({ n: 2 }) });
  for (const json of [made.toJSON(), JSON.stringify(made), JSON.parse(JSON.stringify(made))]) {
    const again = sd.taskFromJSON(json) as typeof made;
    assertEquals(again.id, made.id);
    assertEquals(sd.flattenTaskStruct(again.before).map(String), [String(link({ n: 2 }))]);
  }
  assertEquals(sd.stringifyTask(made), JSON.stringify(made));
});

Deno.test("a body from before a parameter existed gets its compat default, not its default", () => {
  const later = task({
    name: "later",
    params: { n: z.int(), mode: sd.field(z.string().default("new"), { compatDefault: "old" }) },
    output: z.int(),
    run: () => 1,
  });
  const older = { __namespace: "stardag.tests.load", __name: "later", version: "", n: 1 };
  const again = sd.taskFromJSON(older) as ReturnType<typeof later>;
  assertEquals(again.mode, "old");
  assertEquals(sd.canonicalTask(again).includes("mode"), false);
  assertEquals(later({ n: 1 }).mode, "new");
});

Deno.test("a value that does not come back as it was is named", () => {
  const unstable = z.codec(z.string(), z.string(), {
    decode: (text) => `${text}!`,
    encode: (text) => text,
  });
  const make = task({
    name: "unstable",
    params: { fine: z.int(), bad: unstable },
    output: z.int(),
    run: () => 1,
  });
  assertEquals(sd.checkSerializationStability(make({ fine: 1, bad: "a" })), ["bad"]);
  const lossy = task({
    name: "lossy",
    params: {
      fine: z.int(),
      size: z.codec(z.string(), z.int(), { decode: Number, encode: (n) => `${n}?` }),
    },
    output: z.int(),
    run: () => 1,
  });
  assertEquals(sd.checkSerializationStability(lossy({ fine: 1, size: "5" })), ["size"]);
});

Deno.test("a plain value takes a task in its place in JSON too", () => {
  const made = link({ n: link({ n: 1 }), weight: 2 });
  const again = sd.taskFromJSON(sd.stringifyTask(made)) as typeof made;
  assert(sd.isTask(again.n));
  assertEquals(again.id, made.id);
  assertStringIncludes(sd.canonicalTask(made), `"n":{"id":"${link({ n: 1 }).id}"}`);
});

Deno.test("a value whose JSON another branch of a union takes is named: it would have another id", () => {
  const make = task({
    name: "ambiguous",
    params: { x: z.union([z.bigint(), z.number()]) },
    output: z.int(),
    run: () => 1,
  });
  const made = make({ x: 5 });
  const isStable = sd.taskFromJSON(sd.stringifyTask(made)).id === made.id;
  assertEquals(sd.checkSerializationStability(made), isStable ? [] : ["x"]);
});
