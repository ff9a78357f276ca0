/**
 * The pipeline as functions. `classes.ts` has the same one as classes: with the same ids, so that
 * either finds what the other made.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { z } from "zod";
import { chartSvg } from "./chart.ts";
import { around, metricsOf, predict, ranked, subsetOf, train, withoutGaps } from "./ml.ts";
import { reportMarkdown } from "./report.ts";
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

/** One kind of model with one set of hyper-parameters, trained. */
export const trainedModel = task({
  name: "trained_model",
  params: { penguins: sd.depends(Penguins), hyperParameters: HyperParameters },
  output: Model,
  run: ({ penguins, hyperParameters }) => train(penguins, hyperParameters),
});

/** What the model takes each of the penguins for. */
export const predictions = task({
  name: "predictions",
  params: { model: sd.depends(Model), penguins: sd.depends(Penguins) },
  output: Predictions,
  run: ({ model, penguins }) => predict(model, penguins),
});

/** How good the predictions are. */
export const metrics = task({
  name: "metrics",
  params: { predictions: sd.depends(Predictions) },
  output: Metrics,
  run: ({ predictions }) => metricsOf(predictions),
});

/** All the way from the penguins to the metrics of one model. Makes tasks, nothing runs here. */
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
    // The task itself and not what it loads: to make further tasks from.
    penguins: sd.taskLoads(Penguins),
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
    yield refined.map(({ metrics }) => metrics); // when the next line runs, all are complete
    for (const { hyperParameters, metrics } of refined) {
      results.push({ hyperParameters, metrics: await metrics.load(), round: 2 });
    }
    return ranked(results);
  },
});

/** The benchmark at a glance. The report shows it, so the two share a folder: hence the path. */
export const chart = task({
  name: "chart",
  params: { benchmark: sd.depends(Benchmark) },
  output: z.string(),
  relpath: ({ id }) => `penguins/report/${id}.svg`,
  run: ({ benchmark }) => chartSvg(benchmark),
});

/** The benchmark in words. */
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
