/**
 * The mathematics: plain functions on plain values, which know nothing of tasks, files and builds.
 *
 * @module
 */

import {
  FEATURES,
  type HyperParameters,
  type Metrics,
  type Model,
  Penguin,
  type Prediction,
  type RawPenguin,
  type Result,
  type Scaling,
  Species,
  type Split,
  type Subset,
} from "./schemas.ts";

const SPECIES = Species.options;
const STEPS = 200;

/** The penguins of which everything is known. Throws for whatever else is wrong with one. */
export function withoutGaps(penguins: readonly RawPenguin[]): Penguin[] {
  return penguins.filter((cells) => !Object.values(cells).includes("NA")).map((cells) => {
    const measured = FEATURES.map((feature) => [feature, Number(cells[feature])]);
    return Penguin.parse({ ...cells, ...Object.fromEntries(measured) });
  });
}

/** One part of the penguins, shuffled by the seed. */
export function subsetOf(
  penguins: readonly Penguin[],
  subset: Subset,
  { testFraction, seed }: Split,
): Penguin[] {
  const random = randomNumbers(seed);
  const shuffled = penguins
    .map((penguin) => ({ penguin, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ penguin }) => penguin);
  const tests = Math.round(shuffled.length * testFraction);
  return subset === "test" ? shuffled.slice(0, tests) : shuffled.slice(tests);
}

/** Mulberry32, from 0 to 1. With `Math.random()` a task would make another output each time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A model of the penguins. */
export function train(penguins: readonly Penguin[], hyperParameters: HyperParameters): Model {
  switch (hyperParameters.kind) {
    case "logistic": {
      const scaling = standardizing(penguins);
      return { kind: "logistic", scaling, weights: descend(penguins, scaling, hyperParameters) };
    }
    case "neighbors": {
      const { k, standardize } = hyperParameters;
      const scaling = standardize ? standardizing(penguins) : AS_MEASURED;
      const points = penguins.map((penguin) => ({
        species: penguin.species,
        features: featuresOf(penguin, scaling),
      }));
      return { kind: "neighbors", scaling, k, points };
    }
  }
}

/** Multinomial logistic regression: gradient descent, with an L2 penalty on all but the biases. */
function descend(
  penguins: readonly Penguin[],
  scaling: Scaling,
  { learningRate, l2 }: Extract<HyperParameters, { kind: "logistic" }>,
): number[][] {
  const samples = penguins.map((penguin) => ({
    species: penguin.species,
    inputs: [...featuresOf(penguin, scaling), 1],
  }));
  let weights = SPECIES.map(() => [...FEATURES, "bias"].map(() => 0));
  for (let step = 0; step < STEPS; step++) {
    const errors = samples.map(({ species, inputs }) =>
      softmax(weights.map((row) => dot(row, inputs)))
        .map((probability, s) => probability - Number(SPECIES[s] === species))
    );
    weights = weights.map((row, s) =>
      row.map((weight, i) => {
        const slope = mean(samples.map(({ inputs }, at) => errors[at]![s]! * inputs[i]!));
        const penalty = i < FEATURES.length ? l2 * weight : 0;
        return weight - learningRate * (slope + penalty);
      })
    );
  }
  return weights;
}

/** What the model says of each of the penguins. */
export function predict(model: Model, penguins: readonly Penguin[]): Prediction[] {
  return penguins.map((penguin) => {
    const probabilities = probabilitiesOf(model, featuresOf(penguin, model.scaling));
    return {
      actual: penguin.species,
      predicted: SPECIES[probabilities.indexOf(Math.max(...probabilities))]!,
      probability: probabilities[SPECIES.indexOf(penguin.species)]!,
    };
  });
}

function probabilitiesOf(model: Model, features: readonly number[]): number[] {
  switch (model.kind) {
    case "logistic":
      return softmax(model.weights.map((row) => dot(row, [...features, 1])));
    case "neighbors": {
      const nearest = model.points
        .map((point) => ({ ...point, distance: distance(point.features, features) }))
        .sort((a, b) => a.distance - b.distance)
        .slice(0, model.k);
      // One more vote for each species: nothing is impossible only because none of k was near.
      return SPECIES.map((species) =>
        (1 + count(nearest, (point) => point.species === species)) /
        (SPECIES.length + nearest.length)
      );
    }
  }
}

/** How good the predictions are. */
export function metricsOf(predictions: readonly Prediction[]): Metrics {
  const confusion = SPECIES.map((actual) =>
    SPECIES.map((predicted) =>
      count(predictions, (each) => each.actual === actual && each.predicted === predicted)
    )
  );
  return {
    accuracy: mean(predictions.map(({ actual, predicted }) => Number(actual === predicted))),
    logLoss: mean(predictions.map(({ probability }) => -Math.log(probability))),
    perSpecies: SPECIES.map((species, s) => {
      const right = confusion[s]![s]!;
      return {
        species,
        precision: ratio(right, count(predictions, ({ predicted }) => predicted === species)),
        recall: ratio(right, count(predictions, ({ actual }) => actual === species)),
      };
    }),
    confusion,
  };
}

/** The best first: the most accurate, and of these the one that was surest of what is right. */
export function ranked(results: readonly Result[]): Result[] {
  return results.toSorted(({ metrics: a }, { metrics: b }) =>
    b.accuracy - a.accuracy || a.logLoss - b.logLoss
  );
}

/** What to try next: hyper-parameters around those of the best, none of them tried before. */
export function around(results: readonly Result[]): HyperParameters[] {
  const tried = new Set(results.map(({ hyperParameters }) => keyOf(hyperParameters)));
  return neighborsOf(ranked(results)[0]!.hyperParameters).filter((each) => !tried.has(keyOf(each)));
}

function neighborsOf(hyperParameters: HyperParameters): HyperParameters[] {
  switch (hyperParameters.kind) {
    case "logistic": {
      const { learningRate, l2 } = hyperParameters;
      return [
        { ...hyperParameters, learningRate: learningRate / 2 },
        { ...hyperParameters, learningRate: learningRate * 2 },
        { ...hyperParameters, l2: l2 / 2 },
        { ...hyperParameters, l2: l2 * 2 },
      ];
    }
    case "neighbors": {
      const { k } = hyperParameters;
      return [k - 2, k + 2].filter((k) => k > 0).map((k) => ({ ...hyperParameters, k }));
    }
  }
}

/** The same for equal hyper-parameters, in whatever order they are written. */
function keyOf(hyperParameters: HyperParameters): string {
  return JSON.stringify(Object.entries(hyperParameters).sort());
}

const AS_MEASURED: Scaling = FEATURES.map(() => ({ mean: 0, deviation: 1 }));

function standardizing(penguins: readonly Penguin[]): Scaling {
  return FEATURES.map((feature) => {
    const values = penguins.map((penguin) => penguin[feature]);
    const center = mean(values);
    return { mean: center, deviation: Math.sqrt(mean(values.map((x) => (x - center) ** 2))) };
  });
}

function featuresOf(penguin: Penguin, scaling: Scaling): number[] {
  return scaling.map(({ mean, deviation }, i) => (penguin[FEATURES[i]!] - mean) / deviation);
}

function softmax(scores: readonly number[]): number[] {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  return powers.map((power) => power / sum(powers));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return sum(a.map((x, i) => x * b[i]!));
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((x, i) => x - b[i]!));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function count<T>(values: readonly T[], holds: (value: T) => boolean): number {
  return values.filter(holds).length;
}
