/**
 * The results in words, as Markdown.
 *
 * @module
 */

import type { Benchmark, HyperParameters, Result } from "./schemas.ts";

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

Round 2 tried what lies around the best hyper-parameters of round 1. The best model was picked by
the same penguins that its accuracy is measured on, so it looks a little better than it is.
`;
}

/** How many penguins a model was tested on. */
export function tested({ metrics }: Result): number {
  return metrics.confusion.flat().reduce((total, count) => total + count, 0);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = header.map(() => "---");
  return [header, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
