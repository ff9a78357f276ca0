/**
 * The tasks of tasks.py in TypeScript, and what they are to load.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";

const getRange = sd.task({
  name: "get_range",
  params: { limit: z.int() },
  output: z.array(z.int()),
  run: ({ limit }) => Array.from({ length: limit }, (_, i) => i),
});

const getSum = sd.task({
  name: "get_sum",
  params: { integers: sd.depends(z.array(z.int())) },
  output: z.int(),
  run: ({ integers }) => integers.reduce((a, b) => a + b, 0),
});

const floats = sd.task({
  name: "interop_floats",
  params: { xs: z.array(z.number()) },
  output: z.array(z.number()),
  run: ({ xs }) => xs,
});

const text = sd.task({
  name: "interop_text",
  params: { text: z.string() },
  output: z.string(),
  run: ({ text }) => text,
});

const strings = sd.task({
  name: "interop_strings",
  params: { texts: z.array(z.string()) },
  output: z.array(z.string()),
  run: ({ texts }) => texts,
});

const maybe = sd.task({
  name: "interop_maybe",
  params: { n: z.int().nullable() },
  output: z.int().nullable(),
  run: ({ n }) => n,
});

const rows = sd.task({
  name: "interop_rows",
  params: { n: z.int() },
  output: z.array(z.object({
    i: z.int(),
    s: z.string(),
    x: z.number().nullable(),
    flags: z.array(z.boolean()),
  })),
  run: ({ n }) =>
    Array.from({ length: n }, (_, i) => ({
      i,
      s: "å".repeat(i),
      x: i % 2 === 0 ? i / 4 : null,
      flags: [i > 0],
    })),
});

const tree = sd.task({
  name: "interop_tree",
  params: { keys: z.array(z.string()) },
  output: z.record(z.string(), z.record(z.string(), z.array(z.int().nullable()))),
  run: ({ keys }) =>
    Object.fromEntries(keys.map((key) => [key, { inner: [[...key].length, null] }])),
});

const tags = sd.task({
  name: "interop_tags",
  params: { names: z.set(z.string()), numbers: z.set(z.int()) },
  output: z.set(z.int()),
  run: ({ names, numbers }) => new Set([...[...names].map((name) => [...name].length), ...numbers]),
});

const when = sd.task({
  name: "interop_when",
  params: { moment: z.date(), day: z.iso.date() },
  output: z.date(),
  run: ({ moment }) => moment,
});

const big = sd.task({
  name: "interop_big",
  params: { n: z.bigint() },
  output: z.bigint(),
  run: ({ n }) => n + 1n,
});

const options = sd.task({
  name: "interop_options",
  params: {
    config: z.object({
      rate: z.number(),
      rates: z.array(z.number()).default([1]),
      name: z.string().nullable().default(null),
    }),
    color: z.enum(["red", "blue"]),
    mode: z.literal(["fast", "slow"]),
    extra: z.record(z.string(), z.unknown()),
    flag: z.boolean().default(true),
  },
  output: z.tuple([z.number(), z.string()]),
  run: ({ config, mode }): [number, string] => [config.rate, mode],
});

@sd.register
class InteropJoin extends sd.AutoTask({
  name: "InteropJoin",
  namespace: "stardag.interop",
  version: "2",
  params: {
    parts: z.record(z.string(), sd.taskLoads(z.int().nullable())),
    verbose: sd.field(z.boolean().default(false), { significant: false }),
    penalty: sd.field(z.number().default(0), { compatDefault: 0 }),
  },
  output: z.record(z.string(), z.int().nullable()),
}) {
  override async run(): Promise<void> {
    const entries = Object.entries(this.parts).map(async (
      [key, part],
    ) => [key, await part.load()] as const);
    await this.save(Object.fromEntries(await Promise.all(entries)));
  }
}

const FLOATS = [1, 0.1, 1e16, 1e-7, -0, 5e-324, 1.7976931348623157e308, 123456789012345680, 2.5];
const UNUSUAL = 'Åsa ⭐ 🌟 "quoted" back\\slash\ttab \u007f \u2028 \uff5e end\n';

/** One task in both languages. */
export interface Case {
  readonly task: sd.AutoTask<unknown>;
  readonly value: unknown;
}

/** The tasks by the name they have on both sides. */
export function cases(): Readonly<Record<string, Case>> {
  const sum = getSum({ integers: getRange({ limit: 4 }) });
  const moment = new Date("2024-01-02T03:04:05.678Z");
  return {
    "range": { task: getRange({ limit: 4 }), value: [0, 1, 2, 3] },
    "sum": { task: sum, value: 6 },
    "floats": { task: floats({ xs: FLOATS }), value: FLOATS },
    "text": { task: text({ text: UNUSUAL }), value: UNUSUAL },
    "empty text": { task: text({ text: "" }), value: "" },
    "strings": { task: strings({ texts: [UNUSUAL, "", "\0"] }), value: [UNUSUAL, "", "\0"] },
    "null": { task: maybe({ n: null }), value: null },
    "not null": { task: maybe({ n: 0 }), value: 0 },
    "rows": {
      task: rows({ n: 3 }),
      value: [
        { i: 0, s: "", x: 0, flags: [false] },
        { i: 1, s: "å", x: null, flags: [true] },
        { i: 2, s: "åå", x: 0.5, flags: [true] },
      ],
    },
    "no rows": { task: rows({ n: 0 }), value: [] },
    "tree": {
      task: tree({ keys: ["\uff5e", "🌟", "a"] }),
      value: {
        "\uff5e": { inner: [1, null] },
        "🌟": { inner: [1, null] },
        a: { inner: [1, null] },
      },
    },
    "tags": {
      task: tags({ names: new Set(["🌟x", "\uff5e", "a"]), numbers: new Set([10, 9, -1]) }),
      value: new Set([-1, 1, 2, 9, 10]),
    },
    "when": { task: when({ moment, day: "2024-02-29" }), value: moment },
    "big": { task: big({ n: 2n ** 70n }), value: 2n ** 70n + 1n },
    "options": {
      task: options({
        config: { rate: 2 },
        color: "blue",
        mode: "slow",
        extra: { "é": [1, 2.5, null, true, "ü"], b: {} },
      }),
      value: [2, "slow"],
    },
    "join": {
      task: new InteropJoin({ parts: { b: sum, a: maybe({ n: 0 }) }, verbose: true }),
      value: { b: 6, a: 0 },
    },
    "join with penalty": {
      task: new InteropJoin({ parts: { b: sum }, penalty: 1 }),
      value: { b: 6 },
    },
  };
}
