/**
 * The pipeline as classes. `functions.ts` has the same one as functions: with the same ids, so that
 * either finds what the other made.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { z } from "zod";
import { chartSvg } from "./chart.ts";
import { around, metricsOf, predict, ranked, subsetOf, train, withoutGaps } from "./ml.ts";
import { reportMarkdown } from "./report.ts";
import * as schemas from "./schemas.ts";
import { readSource } from "./source.ts";

const { AutoTask } = sd.namespace("penguins", import.meta.url);

/** The file as it was published. */
@sd.register
export class Dump extends AutoTask({
  name: "dump",
  params: { sha256: z.string() },
  output: schemas.RawPenguins,
}) {
  override async run(): Promise<void> {
    await this.save(await readSource(this.sha256));
  }
}

/** The penguins of which everything is known. */
@sd.register
export class Dataset extends AutoTask({
  name: "dataset",
  params: { raw: sd.depends(schemas.RawPenguins) },
  output: schemas.Penguins,
}) {
  override async run(): Promise<void> {
    await this.save(withoutGaps(await this.raw.load()));
  }
}

/** Those to train with, or those to test with. */
@sd.register
export class Subset extends AutoTask({
  name: "subset",
  params: { penguins: sd.depends(schemas.Penguins), subset: schemas.Subset, split: schemas.Split },
  output: schemas.Penguins,
}) {
  override async run(): Promise<void> {
    await this.save(subsetOf(await this.penguins.load(), this.subset, this.split));
  }
}

/** One kind of model with one set of hyper-parameters, trained. */
@sd.register
export class TrainedModel extends AutoTask({
  name: "trained_model",
  params: {
    penguins: sd.depends(schemas.Penguins),
    hyperParameters: schemas.HyperParameters,
  },
  output: schemas.Model,
}) {
  override async run(): Promise<void> {
    await this.save(train(await this.penguins.load(), this.hyperParameters));
  }
}

/** What the model takes each of the penguins for. */
@sd.register
export class Predictions extends AutoTask({
  name: "predictions",
  params: { model: sd.depends(schemas.Model), penguins: sd.depends(schemas.Penguins) },
  output: schemas.Predictions,
}) {
  override async run(): Promise<void> {
    await this.save(predict(await this.model.load(), await this.penguins.load()));
  }
}

/** How good the predictions are. */
@sd.register
export class Metrics extends AutoTask({
  name: "metrics",
  params: { predictions: sd.depends(schemas.Predictions) },
  output: schemas.Metrics,
}) {
  override async run(): Promise<void> {
    await this.save(metricsOf(await this.predictions.load()));
  }
}

/** All the way from the penguins to the metrics of one model. Makes tasks, nothing runs here. */
function evaluation(
  penguins: sd.TaskLoads<schemas.Penguin[]>,
  split: schemas.Split,
  hyperParameters: schemas.HyperParameters,
): Metrics {
  const model = new TrainedModel({
    penguins: new Subset({ penguins, subset: "train", split }),
    hyperParameters,
  });
  const tests = new Subset({ penguins, subset: "test", split });
  return new Metrics({ predictions: new Predictions({ model, penguins: tests }) });
}

/** Compares the candidates, then what lies around the best of them. */
@sd.register
export class Benchmark extends AutoTask({
  name: "benchmark",
  params: {
    candidates: z.array(z.object({
      hyperParameters: schemas.HyperParameters,
      metrics: sd.depends(schemas.Metrics),
    })),
    penguins: sd.depends(schemas.Penguins),
    split: schemas.Split,
  },
  output: schemas.Benchmark,
}) {
  override async *run(): AsyncGenerator<Metrics[], void> {
    const results: schemas.Result[] = [];
    for (const { hyperParameters, metrics } of this.candidates) {
      results.push({ hyperParameters, metrics: await metrics.load(), round: 1 });
    }
    // Nobody could know these tasks before the first round was over.
    const refined = around(ranked(results)).map((hyperParameters) => ({
      hyperParameters,
      metrics: evaluation(this.penguins, this.split, hyperParameters),
    }));
    yield refined.map(({ metrics }) => metrics); // when the next line runs, all are complete
    for (const { hyperParameters, metrics } of refined) {
      results.push({ hyperParameters, metrics: await metrics.load(), round: 2 });
    }
    await this.save(ranked(results));
  }
}

/** The benchmark at a glance. The report shows it, so the two share a folder: hence the path. */
@sd.register
export class Chart extends AutoTask({
  name: "chart",
  params: { benchmark: sd.depends(schemas.Benchmark) },
  output: z.string(),
  relpath: ({ id }) => `penguins/report/${id}.svg`,
}) {
  override async run(): Promise<void> {
    await this.save(chartSvg(await this.benchmark.load()));
  }
}

/** The benchmark in words. */
@sd.register
export class Report extends AutoTask({
  name: "report",
  params: { benchmark: sd.depends(schemas.Benchmark), chart: sd.taskOf(Chart) },
  output: z.string(),
  relpath: ({ id }) => `penguins/report/${id}.md`,
}) {
  override async run(): Promise<void> {
    await this.save(reportMarkdown(await this.benchmark.load(), `${this.chart.id}.svg`));
  }
}

/** The pipeline for an experiment; nothing has run yet. */
export function pipeline({ sha256, candidates, split }: schemas.Experiment): schemas.Pipeline {
  const penguins = new Dataset({ raw: new Dump({ sha256 }) });
  const benchmark = new Benchmark({
    candidates: candidates.map((hyperParameters) => ({
      hyperParameters,
      metrics: evaluation(penguins, split, hyperParameters),
    })),
    penguins,
    split,
  });
  const chart = new Chart({ benchmark });
  return { benchmark, chart, report: new Report({ benchmark, chart }) };
}
