/**
 * What people look at: the results as Markdown, and as a chart in SVG. Plain text in the making, no library needed.
 *
 * @module
 */

import { type Benchmark, type HyperParameters, type Result, Species } from "./schemas.ts";

const SPECIES = Species.options;

/** What kind of model it is, for people. */
export function modelName({ kind }: HyperParameters): string {
  switch (kind) {
    case "logistic":
      return "logistic regression";
    case "neighbors":
      return "nearest neighbors";
  }
}

/** The hyper-parameters, for people. */
export function settings(hyperParameters: HyperParameters): string {
  switch (hyperParameters.kind) {
    case "logistic":
      return `rate ${hyperParameters.learningRate}, L2 ${hyperParameters.l2}`;
    case "neighbors":
      return `k ${hyperParameters.k}, ${
        hyperParameters.standardize ? "standardized" : "as measured"
      }`;
  }
}

/** A share, e.g. `98.2 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** The report; `chart` is where the chart is, relative to it. */
export function reportMarkdown(benchmark: Benchmark, chart: string): string {
  const best = benchmark[0]!;
  const { accuracy, perSpecies } = best.metrics;
  return `# Which model tells penguins apart?

The best of ${benchmark.length} models is **${modelName(best.hyperParameters)}** (${
    settings(best.hyperParameters)
  }): it is right about ${percent(accuracy)} of the ${tested(best)} penguins it was tested on.

![Accuracy of all models, and the confusion matrix of the best one](${chart})

## All models

${
    table(
      ["Model", "Hyper-parameters", "Round", "Accuracy", "Log loss"],
      benchmark.map(({ hyperParameters, round, metrics }) => [
        modelName(hyperParameters),
        settings(hyperParameters),
        String(round),
        percent(metrics.accuracy),
        metrics.logLoss.toFixed(3),
      ]),
    )
  }

## The best one by species

${
    table(
      ["Species", "Precision", "Recall"],
      perSpecies.map(({ species, precision, recall }) => [
        species,
        percent(precision),
        percent(recall),
      ]),
    )
  }

Round 2 are the neighbors of the best model of round 1. The models were compared by the same penguins on which the
accuracy is told, so that of the best one is a little flattering.
`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = header.map(() => "---");
  return [header, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

// ---- the chart ----

/** Colors stand in the classes alone, so that the dark ones take over where people prefer them. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 }
  .muted { fill: #5f6873 }
  .best { font-weight: 600 }
  .paper { fill: #ffffff; stroke: #d8dee4 }
  .grid { stroke: #e4e8ec }
  .axis { stroke: #8c959f }
  .logistic { fill: #2563b8; stroke: #2563b8 }
  .neighbors { fill: #c2570c; stroke: #c2570c }
  .refined { fill: #ffffff; stroke-width: 2.5 }
  .cell { fill: #2563b8 }
  .on { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .muted { fill: #9aa4af }
    .paper { fill: #0d1117; stroke: #30363d }
    .grid { stroke: #21262d }
    .axis { stroke: #6e7681 }
    .logistic { fill: #6cb0ff; stroke: #6cb0ff }
    .neighbors { fill: #f0934e; stroke: #f0934e }
    .refined { fill: #0d1117 }
    .cell { fill: #6cb0ff }
    .on { fill: #0d1117 }
  }`;

const WIDTH = 860;
const TOP = 104;
const ROW = 26;
const PLOT = { left: 230, right: 440 };
const MATRIX = { left: 644, cell: 62 };

/** The accuracy of each model as a dot, and the confusion matrix of the best one. */
export function chartSvg(benchmark: Benchmark): string {
  const best = benchmark[0]!;
  const groups = [...Map.groupBy(benchmark, (each) => modelName(each.hyperParameters))];
  const bottom = TOP + (benchmark.length + groups.length) * ROW;
  const height = Math.max(bottom, TOP + 3 * MATRIX.cell) + 72;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>Which model tells penguins apart?</title>
<desc>The best of ${benchmark.length} models is ${modelName(best.hyperParameters)}, ${
    settings(best.hyperParameters)
  }, with an accuracy of ${percent(best.metrics.accuracy)}.</desc>
<style>${STYLE}
</style>
<rect class="paper" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>
${text(28, 40, "Which model tells penguins apart?", "title")}
${text(28, 62, `Accuracy on the ${tested(best)} penguins that no model was trained on`, "muted")}
${axis(benchmark, bottom)}
${groups.map(([name, results], i) => dots(name, results, best, benchmark, groups, i)).join("\n")}
${legend(bottom + 46)}
${matrix(best)}
</svg>
`;
}
function text(x: number, y: number, words: string, style = "", anchor = "start"): string {
  return `<text x="${fixed(x)}" y="${
    fixed(y)
  }" class="${style}" text-anchor="${anchor}">${words}</text>`;
}

function line(style: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${style}" x1="${fixed(x1)}" y1="${y1}" x2="${fixed(x2)}" y2="${y2}"/>`;
}

/** A coordinate that reads well. */
function fixed(value: number): number {
  return Math.round(100 * value) / 100;
}

function tested({ metrics }: Result): number {
  return metrics.confusion.flat().reduce((total, count) => total + count, 0);
}
