/**
 * Which outputs are the nearest to a task, and what is told of them.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import { OutputIndex } from "../../src/builders/output_index.ts";
import { explain } from "../../src/inspect/explain.ts";
import type { Explanation, NearestOutput } from "../../src/inspect/explanation.ts";
import { localOutputs } from "../support/output_root.ts";

const { task } = sd.namespace("explain_nearest", import.meta.url);

const experiment = task({
  name: "experiment",
  params: { rate: z.number() },
  output: z.number(),
  run: ({ rate }) => rate,
});

const fitted = task({
  name: "fitted",
  params: { rate: z.number(), seed: z.int(), l2: z.number(), k: z.int() },
  output: z.int(),
  run: () => 1,
});

const report = task({
  name: "report",
  params: { model: sd.depends(z.int()) },
  output: z.int(),
  run: () => 1,
});

const part = task({
  name: "part",
  params: { day: z.int(), limit: z.int() },
  output: z.int(),
  run: () => 1,
});

const whole = task({
  name: "whole",
  params: { parts: z.array(sd.depends(z.int())) },
  output: z.int(),
  run: () => 1,
});

const link = task({
  name: "link",
  params: { after: sd.depends(z.int()).optional(), n: z.int() },
  output: z.int(),
  run: ({ n }) => n,
});

type Link = ReturnType<typeof link>;

/** From the bottom up. */
function chain(n: number, length: number): readonly Link[] {
  const links = [link({ n })];
  while (links.length < length) links.push(link({ n: 0, after: links.at(-1)! }));
  return links;
}

/** As if all of the chain was built: the index tells of it, and the output at its top is there. */
async function builtChain(links: readonly Link[]): Promise<void> {
  const index = new OutputIndex({
    buildId: () => crypto.randomUUID(),
    warn(message) {
      throw new Error(message);
    },
  });
  for (const each of links) index.completed(each);
  await index.close();
  await links.at(-1)!.output().save(0);
}

async function built(...tasks: readonly sd.BaseTask[]): Promise<void> {
  (await sd.build(tasks)).throwIfFailed();
}

function nearestOf({ reason }: Explanation): readonly NearestOutput[] {
  return reason.kind === "different" ? reason.nearest : [];
}

async function nearestChanges(task: sd.BaseTask): Promise<readonly string[]> {
  return (nearestOf(await explain(task))[0]?.changes ?? []).map(({ path, before, after }) =>
    `${path}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`
  );
}

Deno.test("an output that was built many times is told once, as it was built last", async () => {
  await using _ = await localOutputs();
  const often = experiment({ rate: 1 });
  await built(experiment({ rate: 2 }));
  for (let i = 0; i < 40; i++) {
    await built(often);
    if (i < 39) await Deno.remove(often.output().uri);
  }
  const last = nearestOf(await explain(often))[0];
  assertEquals(last, undefined);
  const nearest = nearestOf(await explain(experiment({ rate: 3 })));
  assertEquals(nearest.map(({ output }) => output.id), [often.id, experiment({ rate: 2 }).id]);
  const { reason } = await explain(often);
  assert(reason.kind === "complete");
  assertEquals(nearest[0]!.output.builtAt, reason.built?.builtAt);
});

Deno.test("an output that is there is found behind many that are gone", async () => {
  await using _ = await localOutputs();
  await built(experiment({ rate: 0.5 }));
  const gone = Array.from({ length: 300 }, (_, i) => experiment({ rate: 10 + i }));
  await built(...gone);
  for (const each of gone) await Deno.remove(each.output().uri);
  assertEquals(await nearestChanges(experiment({ rate: 0.6 })), ["rate: 0.5 -> 0.6"]);
});

Deno.test("the nearest output is found among many newer ones that differ in more below", async () => {
  await using _ = await localOutputs();
  await built(report({ model: fitted({ rate: 1, seed: 1, l2: 1, k: 1 }) }));
  for (let n = 2; n < 17; n++) {
    await built(report({ model: fitted({ rate: n, seed: n, l2: n, k: n }) }));
  }
  const explanation = await explain(report({ model: fitted({ rate: 1, seed: 1, l2: 1, k: 99 }) }));
  assertEquals(nearestOf(explanation).map(({ changes }) => changes.length), [1, 4, 4]);
  assertStringIncludes(String(explanation), "    model.k: 1 -> 99\n");
});

Deno.test("an output that differs in one part of very many is nearer than one that differs in all", async () => {
  await using _ = await localOutputs();
  const year = (limitOf: (day: number) => number): sd.BaseTask =>
    whole({ parts: Array.from({ length: 365 }, (_, day) => part({ day, limit: limitOf(day) })) });
  await built(year((day) => day === 7 ? 5 : 0));
  for (let limit = 1; limit < 5; limit++) await built(year(() => limit));
  assertEquals(await nearestChanges(year(() => 0)), ["parts[7].limit: 5 -> 0"]);
  const explanation = await explain(year(() => 0));
  assertEquals(nearestOf(explanation).map(({ changes }) => changes.length), [1, 365, 365]);
  assert(!String(explanation).includes("task "), String(explanation));
});

Deno.test("a chain is followed down to what has changed, however long, and its path is shortened", async () => {
  await using _ = await localOutputs();
  await builtChain(chain(1, 1_500));
  const task = chain(2, 1_500).at(-1)!;
  assertEquals(await nearestChanges(task), [`... ${"after.".repeat(7)}n: 1 -> 2`]);
  assertEquals(nearestOf(await explain(task))[0]!.isCut, false);
});

Deno.test("where too many tasks differ, that is said", async () => {
  await using _ = await localOutputs();
  await builtChain(chain(1, 10_050));
  const explanation = await explain(chain(2, 10_050).at(-1)!);
  const [nearest] = nearestOf(explanation);
  assertEquals([nearest!.changes.length, nearest!.isCut], [1, true]);
  assertStringIncludes(nearest!.changes[0]!.path, "... after.");
  assertStringIncludes(String(explanation), "too many tasks differ");
});

Deno.test("values that look like what stands for tasks are told as they are", async () => {
  await using _ = await localOutputs();
  const odd = task({
    name: "odd",
    params: {
      text: z.string(),
      owner: z.object({ id: z.string() }).optional(),
      inner: z.object({
        input: sd.depends(z.number()),
        owner: z.object({ id: z.string() }),
      }),
    },
    output: z.int(),
    run: () => 1,
  });
  const [one, two] = [
    "f23b1722-2909-5fb7-89bf-dcdd0b37e930",
    "00665fbb-2909-5fb7-89bf-dcdd0b37e930",
  ];
  const input = experiment({ rate: 1 });
  await built(odd({ text: "\u0000x", owner: { id: one }, inner: { input, owner: { id: one } } }));
  assertEquals(
    await nearestChanges(
      odd({ text: "y", owner: { id: two }, inner: { input, owner: { id: two } } }),
    ),
    [
      `inner.owner.id: "${one}" -> "${two}"`,
      `owner.id: "${one}" -> "${two}"`,
      `text: "\\u0000x" -> "y"`,
    ],
  );
  const without = await nearestChanges(
    odd({ text: "\u0000x", inner: { input, owner: { id: one } } }),
  );
  assertEquals(without, [`owner: {"id":"${one}"} -> undefined`]);
});

Deno.test("of a set it does not matter where a member is", async () => {
  await using _ = await localOutputs();
  const picked = task({
    name: "picked",
    params: { names: z.set(z.string()) },
    output: z.int(),
    run: () => 1,
  });
  await built(picked({ names: new Set(["a", "b", "c"]) }));
  assertEquals(await nearestChanges(picked({ names: new Set(["a", "c", "z"]) })), [
    'names[2]: "b" -> "z"',
  ]);
});

Deno.test("what cannot be seen, or steers a terminal, is told as in code", async () => {
  await using _ = await localOutputs();
  const hostile = task({
    name: "hostile",
    params: { text: z.string(), more: z.record(z.string(), z.int()) },
    output: z.int(),
    run: () => 1,
  });
  await built(hostile({ text: "\u009b31m\u202e", more: { "\u009b": 1 } }));
  const text = String(await explain(hostile({ text: "\u007f\u200b", more: { "\u009b": 2 } })));
  assert(!/[\p{Cc}\p{Cf}]/u.test(text.replaceAll("\n", "")), JSON.stringify(text));
  assertStringIncludes(text, 'text: "\\u009b31m\\u202e" -> "\\u007f\\u200b"');
  assertStringIncludes(text, 'more["\\u009b"]: 1 -> 2');
});

Deno.test("texts that look alike are told by their code points", async () => {
  await using _ = await localOutputs();
  const named = task({
    name: "named",
    params: { text: z.string() },
    output: z.int(),
    run: () => 1,
  });
  await built(named({ text: "\u00e9" }));
  assertStringIncludes(
    String(await explain(named({ text: "e\u0301" }))),
    'text: "\\u00e9" -> "e\\u0301"',
  );
});

Deno.test("a task that cannot tell whether it is complete is refused as by a build", async () => {
  await using _ = await localOutputs();
  @sd.register
  class Broken extends sd.BaseTask({ name: "Broken", namespace: "explain_nearest" }) {
    override complete(): boolean {
      throw new Error("no disk");
    }
    override run(): void {}
  }
  const error = await assertRejects(() => explain(new Broken()), sd.DiscoveryError, "no disk");
  assertStringIncludes(error.message, "Cannot tell whether");
});
