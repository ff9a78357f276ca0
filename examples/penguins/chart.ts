/**
 * The results as a chart: SVG is text, so a template makes it, and it is an output like any other.
 *
 * @module
 */

import { modelName, percent, settings, tested } from "./report.ts";
import { type Benchmark, type Result, Species } from "./schemas.ts";

const SPECIES = Species.options;
const WIDTH = 860;
const TOP = 104;
const ROW = 26;
const PLOT = { left: 224, right: 452 };
const MATRIX = { left: 640, cell: 64 };

/** All colors are in here, for the dark ones to take over where people prefer them. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 18px; font-weight: 600 }
  .strong { font-weight: 600 }
  .muted { fill: #5f6873 }
  .paper { fill: #ffffff; stroke: #d8dee4 }
  .grid { stroke: #dde2e7 }
  .logistic { fill: #2563b8; stroke: #2563b8 }
  .neighbors { fill: #c2570c; stroke: #c2570c }
  .sample { fill: #5f6873; stroke: #5f6873 }
  .refined { fill: #ffffff; stroke-width: 2.5 }
  .cell { fill: #2563b8 }
  .light { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .muted { fill: #9aa4af }
    .paper { fill: #0d1117; stroke: #30363d }
    .grid { stroke: #2a313a }
    .logistic { fill: #6cb0ff; stroke: #6cb0ff }
    .neighbors { fill: #f0934e; stroke: #f0934e }
    .sample { fill: #9aa4af; stroke: #9aa4af }
    .refined { fill: #0d1117 }
    .cell { fill: #6cb0ff }
    .light { fill: #0d1117 }
  }
`;

/** The accuracy of each model as a dot, and the confusion matrix of the best one. */
export function chartSvg(benchmark: Benchmark): string {
  const best = benchmark[0]!;
  const groups = Map.groupBy(benchmark, ({ hyperParameters }) => modelName(hyperParameters));
  const lines = [...groups].flatMap(([name, results]) => [name, ...results]);
  const bottom = TOP + Math.max(lines.length * ROW, SPECIES.length * MATRIX.cell);
  const height = bottom + 74;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>Which model tells penguins apart?</title>
<desc>The best of ${benchmark.length} models is ${modelName(best.hyperParameters)}, ${
    settings(best.hyperParameters)
  }, with an accuracy of ${percent(best.metrics.accuracy)}.</desc>
<style>${STYLE}</style>
<rect class="paper" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>
${text(28, 42, "Which model tells penguins apart?", "title")}
${text(28, 66, `Accuracy on the ${tested(best)} penguins that no model was trained on`, "muted")}
${accuracies(lines, best, bottom)}
${legend(bottom + 48)}
${matrix(best)}
</svg>
`;
}

/** A line for each kind of model, and one with a dot for each model of it. */
function accuracies(
  lines: readonly (string | Result)[],
  best: Result,
  bottom: number,
): string {
  const results = lines.filter((line) => typeof line !== "string");
  const worst = Math.min(...results.map(({ metrics }) => metrics.accuracy));
  // Begins at the tenth below the worst one: a cut axis would distort bars, but not dots.
  const tenths = Math.max(1, 10 - Math.floor(10 * worst));
  const x = (accuracy: number): number =>
    PLOT.right - (1 - accuracy) * 10 / tenths * (PLOT.right - PLOT.left);
  const grid = Array.from({ length: tenths + 1 }, (_, i) => {
    const accuracy = 1 - i / 10;
    const at = round(x(accuracy));
    return `<line class="grid" x1="${at}" y1="${TOP}" x2="${at}" y2="${bottom}"/>` +
      text(at, bottom + 18, `${Math.round(100 * accuracy)} %`, "muted", "middle");
  });
  const rows = lines.map((line, i) => {
    const y = TOP + (i + 0.5) * ROW;
    if (typeof line === "string") return text(28, y + 5, line, "strong");
    const { hyperParameters, metrics } = line;
    const [label, number] = line === best ? ["strong", "strong"] : ["muted", ""];
    return text(44, y + 5, settings(hyperParameters), label) +
      dot(x(metrics.accuracy), y, hyperParameters.kind, line.round) +
      text(PLOT.right + 72, y + 5, percent(metrics.accuracy), number, "end");
  });
  return [...grid, ...rows].join("\n");
}

function legend(y: number): string {
  return [
    dot(34, y, "sample", 1),
    text(46, y + 5, "first round", "muted"),
    dot(148, y, "sample", 2),
    text(160, y + 5, "second round, around the best of the first", "muted"),
  ].join("\n");
}

/** How many penguins of each species the best model takes for which. */
function matrix({ metrics: { confusion } }: Result): string {
  const { left, cell } = MATRIX;
  const right = left + SPECIES.length * cell;
  const names = SPECIES.flatMap((species, i) => [
    text(left - 12, TOP + (i + 0.5) * cell + 5, species, "", "end"),
    text(left + (i + 0.5) * cell, TOP - 10, species, "", "middle"),
  ]);
  const cells = confusion.flatMap((counts, actual) => {
    const all = counts.reduce((total, count) => total + count, 0);
    return counts.map((count, predicted) => {
      const share = all === 0 ? 0 : count / all;
      const [x, y] = [left + predicted * cell, TOP + actual * cell];
      return `<rect class="cell" x="${x + 1}" y="${y + 1}" width="${cell - 2}" height="${
        cell - 2
      }" rx="4" fill-opacity="${round(0.08 + 0.92 * share)}"/>` +
        text(
          x + cell / 2,
          y + cell / 2 + 5,
          `${count}`,
          share > 0.5 ? "strong light" : "",
          "middle",
        );
    });
  });
  return [
    text(right, 66, "Predictions of the best model", "strong", "end"),
    ...names,
    ...cells,
    text(
      right,
      TOP + SPECIES.length * cell + 20,
      "rows: actual, columns: predicted",
      "muted",
      "end",
    ),
  ].join("\n");
}

function dot(x: number, y: number, style: string, roundOfModel: number): string {
  const refined = roundOfModel > 1 ? " refined" : "";
  return `<circle class="${style}${refined}" cx="${round(x)}" cy="${y}" r="5.5"/>`;
}

function text(x: number, y: number, words: string, style: string, anchor = "start"): string {
  return `<text x="${round(x)}" y="${y}" class="${style}" text-anchor="${anchor}">${words}</text>`;
}

function round(value: number): number {
  return Math.round(100 * value) / 100;
}
