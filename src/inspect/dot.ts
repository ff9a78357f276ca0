/**
 * A graph in the language of Graphviz. Unaware of tasks.
 *
 * @module
 */

import type { TaskStruct } from "../tasks/task.ts";
import { STATE_WORDS } from "./dag.ts";
import { type Box, type Graph, graphOf, type GraphOptions } from "./graph.ts";
import { INK, LINE, type Look, LOOKS, PLAIN_LOOK, SOFT_INK } from "./looks.ts";

/** The DAG in the language of Graphviz. */
export async function toDot(struct: TaskStruct, options: GraphOptions): Promise<string> {
  return dotOf(await graphOf(struct, options));
}

/** The graph in the language of Graphviz. */
export function dotOf(graph: Graph): string {
  const { boxes, arrows } = graph;
  const font = 'fontname="Helvetica"';
  const lines = [
    "digraph {",
    `  graph [rankdir=${graph.direction}, bgcolor=transparent, nodesep=0.2, ranksep=0.4, ${font}${
      legend(graph)
    }]`,
    `  node [shape=box, style="rounded,filled", fontsize=12, fontcolor="${INK}", margin="0.1,0.07", penwidth=1.4, ${font}]`,
    `  edge [color="${LINE}", fontcolor="${LINE}", fontsize=10, arrowsize=0.6, ${font}]`,
  ];
  for (const box of boxes) lines.push(`  ${quoted(box.key)} [${attributes(box)}]`);
  for (const { from, to, times } of arrows) {
    const label = times === undefined || times === 1 ? "" : ` [label=" ${times}"]`;
    lines.push(`  ${quoted(boxes[from]!.key)} -> ${quoted(boxes[to]!.key)}${label}`);
  }
  return [...lines, "}", ""].join("\n");
}

function attributes({ title, lines, foot, state, tip }: Box): string {
  const { fill, line, isDashed } = lookOf(state);
  const rows = [
    row(title, 12, (text) => `<B>${text}</B>`),
    ...lines.map((each) => row(each, 10, (text) => `<FONT POINT-SIZE="10">${text}</FONT>`)),
    row(foot, 9, (text) => `<FONT POINT-SIZE="9" COLOR="${SOFT_INK}">${text}</FONT>`),
  ].join("");
  const label = `<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">${rows}</TABLE>`;
  const style = isDashed ? ', style="rounded,filled,dashed"' : "";
  return `label=<${label}>, fillcolor="${fill}", color="${line}", tooltip=${quoted(tip)}${style}`;
}

function row(text: string, size: number, marked: (text: string) => string): string {
  return `<TR><TD${widthOf(text, size)}>${marked(escaped(text))}</TD></TR>`;
}

/** Graphviz takes all letters beyond Latin for narrow ones, and puts what is wider off the middle: room for both. */
function widthOf(text: string, size: number): string {
  if (!BEYOND_LATIN.test(text)) return "";
  const ems = [...text].map((each): number =>
    WIDE.test(each) ? 1.6 : BEYOND_LATIN.test(each) ? 0.95 : 0.6
  );
  return ` WIDTH="${Math.ceil(size * ems.reduce((all, each) => all + each))}"`;
}

const BEYOND_LATIN = /[^\p{Script=Latin}\p{Script=Common}]|\p{Extended_Pictographic}/u;
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]/u;

/** The states in their colours, above the graph. */
function legend({ states }: Graph): string {
  if (states.length === 0) return "";
  const cells = states.map(([state, count]) => {
    const { fill, line } = LOOKS[state];
    return `<TD BGCOLOR="${fill}" COLOR="${line}"><FONT COLOR="${INK}">${count} ${
      STATE_WORDS[state]
    }</FONT></TD>`;
  });
  const table = `<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="6" CELLPADDING="4"><TR>${
    cells.join("")
  }</TR></TABLE>`;
  return `, labelloc=t, labeljust=l, fontsize=11, label=<${table}>`;
}

function lookOf(state: Box["state"]): Look {
  return state === undefined ? PLAIN_LOOK : LOOKS[state];
}

/** A string of the language; entities are told there, too. */
function quoted(text: string): string {
  return `"${
    printable(text).replaceAll("&", "&amp;").replaceAll("\\", "\\\\").replaceAll('"', '\\"')
  }"`;
}

/** Text inside of a label that looks like HTML; a backslash means there what it means in strings. */
function escaped(text: string): string {
  return printable(text).replaceAll("\\", "\\\\").replace(
    /[&<>"]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

/** XML has no place for control characters and these two, and labels none for line breaks of their own. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\ufffe\uffff]/gu, " ").toWellFormed();
}
