/**
 * The pipeline as functions. `classes.ts` has the same one as classes: the same ids, so either finds what the other made.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { z } from "zod";
import { around, metricsOf, predict, ranked, subsetOf, train, withoutGaps } from "./ml.ts";
import { chartSvg, reportMarkdown } from "./report.ts";
import {
  Benchmark,
  type Experiment,
  HyperParameters,
  Metrics,
  Model,
  type Penguin,
  Penguins,
  type Pipeline,
  Predictions,
  RawPenguins,
  type Result,
  Split,
  Subset,
} from "./schemas.ts";
import { readSource } from "./source.ts";

const { task } = sd.namespace("penguins", import.meta.url);

/** The file as it was published. */
export const dump = task({
  name: "dump",
  params: { sha256: z.string() },
  output: RawPenguins,
  run: ({ sha256 }) => readSource(sha256),
});

/** The penguins of which everything is known. */
export const dataset = task({
  name: "dataset",
  params: { raw: sd.depends(RawPenguins) },
  output: Penguins,
  run: ({ raw }) => withoutGaps(raw),
});

/** Those to train with, or those to test with. */
export const subset = task({
  name: "subset",
  params: { penguins: sd.depends(Penguins), subset: Subset, split: Split },
  output: Penguins,
  run: ({ penguins, subset, split }) => subsetOf(penguins, subset, split),
});

export const trainedModel = task({
  name: "trained_model",
  params: { penguins: sd.depends(Penguins), hyperParameters: HyperParameters },
  output: Model,
  run: ({ penguins, hyperParameters }) => train(penguins, hyperParameters),
});

export const predictions = task({
  name: "predictions",
  params: { model: sd.depends(Model), penguins: sd.depends(Penguins) },
  output: Predictions,
  run: ({ model, penguins }) => predict(model, penguins),
});

export const metrics = task({
  name: "metrics",
  params: { predictions: sd.depends(Predictions) },
  output: Metrics,
  run: ({ predictions }) => metricsOf(predictions),
});

/** All the way from the penguins to the metrics of one model. This only makes tasks, it runs nothing. */
function evaluation(
  penguins: sd.TaskLoads<Penguin[]>,
  split: Split,
  hyperParameters: HyperParameters,
): sd.TaskLoads<Metrics> {
  const model = trainedModel({
    penguins: subset({ penguins, subset: "train", split }),
    hyperParameters,
  });
  const tests = subset({ penguins, subset: "test", split });
  return metrics({ predictions: predictions({ model, penguins: tests }) });
}

/** Compares the candidates, then what lies around the best of them. */
export const benchmark = task({
  name: "benchmark",
  params: {
    candidates: z.array(z.object({
      hyperParameters: HyperParameters,
      metrics: sd.depends(Metrics),
    })),
    penguins: sd.taskLoads(Penguins), // the task, not what it loads: more models are to be trained from it
    split: Split,
  },
  output: Benchmark,
  async *run({ candidates, penguins, split }) {
    const results: Result[] = candidates.map((each) => ({ ...each, round: 1 }));
    // Nobody could know these tasks before the first round was over.
    const refined = around(ranked(results)).map((hyperParameters) => ({
      hyperParameters,
      metrics: evaluation(penguins, split, hyperParameters),
    }));
    yield refined.map(({ metrics }) => metrics); // all of them are complete when the next line runs
    for (const { hyperParameters, metrics } of refined) {
      results.push({ hyperParameters, metrics: await metrics.load(), round: 2 });
    }
    return ranked(results);
  },
});

// Files for people to open: the report shows the chart, so they share a folder.

export const chart = task({
  name: "chart",
  params: { benchmark: sd.depends(Benchmark) },
  output: z.string(),
  relpath: ({ id }) => `penguins/report/${id}.svg`,
  run: ({ benchmark }) => chartSvg(benchmark),
});

export const report = task({
  name: "report",
  params: { benchmark: sd.depends(Benchmark), chart: sd.taskOf(chart) },
  output: z.string(),
  relpath: ({ id }) => `penguins/report/${id}.md`,
  run: ({ benchmark, chart }) => reportMarkdown(benchmark, `${chart.id}.svg`),
});

/** The pipeline for an experiment; nothing has run yet. */
export function pipeline({ sha256, candidates, split }: Experiment): Pipeline {
  const penguins = dataset({ raw: dump({ sha256 }) });
  const compared = benchmark({
    candidates: candidates.map((hyperParameters) => ({
      hyperParameters,
      metrics: evaluation(penguins, split, hyperParameters),
    })),
    penguins,
    split,
  });
  const drawn = chart({ benchmark: compared });
  return {
    benchmark: compared,
    chart: drawn,
    report: report({ benchmark: compared, chart: drawn }),
  };
}
