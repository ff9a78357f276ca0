/**
 * A DAG as Mermaid, as DOT and as a picture.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import { toDot, toMermaid, toSvg } from "../../src/inspect/inspect.ts";
import { Steps } from "../support/steps.ts";
import { inMemory, model, rows, table, tableOf } from "./pipeline.ts";

/** What a person reads in a picture. */
function textsOf(svg: string): readonly string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => fromXml(text!));
}

function fromXml(xml: string): string {
  const names: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', amp: "&" };
  return xml.replace(
    /&(#?\w+);/g,
    (_, name: string) => names[name] ?? String.fromCodePoint(Number(name.slice(1))),
  ).replaceAll("\u00a0", " ");
}

/** What Mermaid makes of what it is given. */
function unescaped(mermaid: string): string {
  return mermaid.replaceAll("\u200b", "").replaceAll("#8203;", "")
    .replace(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
}

Deno.test("toMermaid() shows each task with what tells it apart, and how it stands", async () => {
  using _ = inMemory();
  const root = tableOf([0.1, 0.2]);
  const made = model({ rows: rows({ count: 3 }), settings: { rate: 0.1 } });
  const missing = model({ rows: rows({ count: 3 }), settings: { rate: 0.2 } });
  await sd.build(made);
  const short = ({ id }: sd.BaseTask): string => id.slice(0, 8);
  assertEquals(
    unescaped(await toMermaid(root)),
    `flowchart TB
  n0["<b>table</b><br><small>${short(root)} · to run</small>"]
  n1["<b>model</b><br>rate=0.1<br><small>${short(made)} · complete</small>"]
  n2["<b>model</b><br>rate=0.2<br><small>${short(missing)} · to run</small>"]
  n3["<b>rows</b><br><small>${short(rows({ count: 3 }))} · complete</small>"]
  n1 --> n0
  n2 --> n0
  n3 --> n1
  n3 --> n2
  classDef to_run fill:#fbe3b0,stroke:#d55e00,color:#1b1f24
  class n0,n2 to_run
  classDef complete fill:#d3ede4,stroke:#009e73,color:#1b1f24
  class n1,n3 complete
`,
  );
});

Deno.test("a task is not needed where its output is missing below what is complete", async () => {
  using _ = inMemory();
  const root = tableOf([1]);
  await root.output().save([1]);
  const text = await toMermaid(root);
  assertMatch(text, /<b>table<.*complete/);
  assertMatch(text, /<b>model<.*not needed/);
  assertMatch(text, /<b>rows<.*not needed/);
});

Deno.test("a task of which it cannot be told whether it is complete is shown as unknown", async () => {
  const steps = new Steps();
  const broken = steps.step("broken", {
    complete: () => {
      throw new Error("no disk");
    },
  });
  const errors: Error[] = [];
  const text = await toMermaid(steps.step("root", [broken]), {
    onUnknown: (error) => errors.push(error),
  });
  assertEquals(errors.map(({ cause }) => String(cause)), ["Error: no disk"]);
  assertMatch(text, /name=broken.*unknown/);
  assertMatch(text, /name=root.*to run/);
});

Deno.test("without states nothing is asked", async () => {
  const steps = new Steps();
  const root = steps.step("root", [steps.step("leaf")]);
  const [mermaid, dot] = [
    await toMermaid(root, { states: false }),
    await toDot(root, { states: false, direction: "LR" }),
  ];
  assertEquals(steps.asked, []);
  assert(!mermaid.includes("to run") && !dot.includes("to run"));
  assertStringIncludes(dot, "rankdir=LR");
});

Deno.test("a DAG of more than 300 tasks is shown by type, with counts", async () => {
  using _ = inMemory();
  const root = table({
    models: Array.from(
      { length: 150 },
      (_, count) => model({ rows: rows({ count }), settings: { rate: 1 } }),
    ),
  });
  await sd.build(rows({ count: 0 }));
  assertEquals(
    unescaped(await toMermaid(root)).split("\n").slice(1, 6),
    [
      '  n0["<b>table</b><br><small>1 to run</small>"]',
      '  n1["<b>model</b><br><small>150 to run</small>"]',
      '  n2["<b>rows</b><br><small>149 to run, 1 complete</small>"]',
      '  n1 -->|"150"| n0',
      '  n2 -->|"150"| n1',
    ],
  );
  assertEquals((await toDot(root, { groupAbove: Infinity })).match(/tooltip/g)?.length, 301);
  assertMatch(await toDot(root), /"inspect.rows" -> "inspect.model" \[label=" 150"\]/);
});

Deno.test("types of one name are told apart by their namespace", async () => {
  using _ = inMemory();
  const declared = ["a", "b"].map((namespace) =>
    sd.task({ name: "same", namespace, output: z.int(), run: () => 1 })()
  );
  const text = await toMermaid(declared);
  assertStringIncludes(text, "<b>a.same</b>");
  assertStringIncludes(text, "<b>b.same</b>");
});

Deno.test("names and values of any kind come through both languages as they are", async () => {
  using _ = inMemory();
  const values = [
    'say "hi"',
    "a[b](c){d}",
    "<b>bold</b> &amp; <i>",
    "two\nlines",
    "#quot; 漢字 🚀 é",
    "`code` *em* __x__",
    "%% $$x$$ | -->",
    "C:\\N\\G fa:fa-car",
    "\u0000\u001b[31m",
  ];
  const name = "_o'dd[]{}()#;&`é漢_%%~";
  const odd = sd.task({
    name,
    namespace: "inspect",
    params: { value: z.string(), more: z.record(z.string(), z.string()).default({}) },
    output: z.int(),
    run: () => 1,
  });
  const tasks = [
    ...values.map((value) => odd({ value })),
    odd({ value: "x", more: { "a\nb": "y" } }),
  ];
  const lines = [...values.map((value) => `value=${JSON.stringify(value)}`), "value=x"];
  const mermaid = await toMermaid(tasks);
  for (const line of lines) assertStringIncludes(unescaped(mermaid), `<br>${line}<br>`);
  // Nothing of Mermaid's own syntax is left in what it is given.
  for (const [, label] of mermaid.matchAll(/\["(.*)"\]/g)) {
    assertMatch(label!.replace(/<\/?(b|br|small)>/g, ""), /^(#\d+;|[\p{L}\p{N} .,:=+/()·])*$/u);
  }
  // These would be a formula, a line break and an icon.
  for (const meant of ["#36;#36;", "#92;N", "fa:fa"]) assert(!mermaid.includes(meant), meant);
  // Graphviz itself reads the other one.
  const texts = textsOf(await toSvg(tasks));
  for (const line of lines) assert(texts.includes(line), line);
  assertEquals(texts.filter((text) => text === name).length, tasks.length);
  assert(texts.includes("a\\nb=y"));
});

Deno.test("a picture has no character that XML forbids", async () => {
  using _ = inMemory();
  const svg = await toSvg(table({ models: [], title: "\ufffe" }), { states: false });
  const two = await toSvg(["\ufffe", "\uffff"].map((title) => table({ models: [], title })));
  for (const text of [svg, two]) {
    assert(!/[\ufffe\uffff]|&#6553[45];|&#xfff[ef];/i.test(text), text);
  }
});

Deno.test("a task that is required twice by another has one arrow to it", async () => {
  using _ = inMemory();
  const root = tableOf([1, 1]);
  assertEquals((await toMermaid(root)).match(/-->/g)?.length, 2);
  assertEquals((await toDot(root)).match(/ -> /g)?.length, 2);
});

Deno.test("what is written is the same for the same DAG", async () => {
  using _ = inMemory();
  const [one, two] = [tableOf([1, 2]), tableOf([1, 2])];
  assertEquals(await toMermaid(one), await toMermaid(two));
  assertEquals(await toDot(one), await toDot(two));
  assertEquals(await toSvg(one), await toSvg(two));
});

Deno.test("toSvg() draws each task and each arrow, with the states in a legend", async () => {
  using _ = inMemory();
  const root = tableOf([1, 2]);
  await sd.build(rows({ count: 3 }));
  const svg = await toSvg(root);
  assertEquals(svg.match(/class="node"/g)?.length, 4);
  assertEquals(svg.match(/class="edge"/g)?.length, 4);
  assertEquals(textsOf(svg).slice(0, 2), ["3 to run", "1 complete"]);
  assertStringIncludes(fromXml(svg), `xlink:title="${root}"`);
});

Deno.test("toSvg() needs no permission", { permissions: "none" }, async () => {
  using _ = inMemory();
  assertStringIncludes(await toSvg(tableOf([1])), "</svg>");
});

Deno.test("options of graphs that do not exist are refused", async () => {
  const root = new Steps().step("root");
  await assertRejects(() => toDot(root, { rankdir: "LR" } as never), TypeError, '"rankdir"');
  await assertRejects(() => toDot(root, { direction: "DOWN" as never }), RangeError, '"DOWN"');
  await assertRejects(() => toDot(root, { groupAbove: -1 }), RangeError, "from 0");
});
