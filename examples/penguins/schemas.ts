/**
 * What flows between the tasks: the shapes of all their parameters and outputs.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { z } from "zod";

/** The species, in the order of the tables and charts. */
export const Species = z.enum(["Adelie", "Chinstrap", "Gentoo"]);
export type Species = z.infer<typeof Species>;

/** The measurements that the models see. */
export const FEATURES = [
  "bill_length_mm",
  "bill_depth_mm",
  "flipper_length_mm",
  "body_mass_g",
] as const;

/** A line of the file, every cell as it was published: `NA` where something is not known. */
export const RawPenguin = z.object({
  species: z.string(),
  island: z.string(),
  bill_length_mm: z.string(),
  bill_depth_mm: z.string(),
  flipper_length_mm: z.string(),
  body_mass_g: z.string(),
  sex: z.string(),
  year: z.string(),
});
export type RawPenguin = z.infer<typeof RawPenguin>;

/** A penguin of which everything is known. */
export const Penguin = z.object({
  species: Species,
  bill_length_mm: z.number(),
  bill_depth_mm: z.number(),
  flipper_length_mm: z.number(),
  body_mass_g: z.number(),
  sex: z.enum(["male", "female"]),
});
export type Penguin = z.infer<typeof Penguin>;

/** Tables are stored as CSV, for any tool to open; without `serialized()` they would be JSON. */
export const RawPenguins = sd.serialized(z.array(RawPenguin), new sd.CsvSerializer(RawPenguin));
export const Penguins = sd.serialized(z.array(Penguin), new sd.CsvSerializer(Penguin));

/** How the penguins are divided: with the same seed, always in the same way. */
export const Split = z.object({
  testFraction: z.number().gt(0).lt(1),
  seed: z.int(),
});
export type Split = z.infer<typeof Split>;

/** A part of a split. */
export const Subset = z.enum(["train", "test"]);
export type Subset = z.infer<typeof Subset>;

/** What kind of model, and its settings. Both are part of the id of each trained model. */
export const HyperParameters = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("logistic"),
    learningRate: z.number().positive(),
    l2: z.number().nonnegative(),
  }),
  z.object({
    kind: z.literal("neighbors"),
    k: z.int().positive(),
    standardize: z.boolean(),
  }),
]);
export type HyperParameters = z.infer<typeof HyperParameters>;

/** `x` becomes `(x - mean) / deviation`, for each feature. */
const Scaling = z.array(z.object({ mean: z.number(), deviation: z.number() }));
export type Scaling = z.infer<typeof Scaling>;

/** What training finds. */
export const Model = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("logistic"),
    scaling: Scaling,
    /** For each species: a weight for each feature, then the bias. */
    weights: z.array(z.array(z.number())),
  }),
  z.object({
    kind: z.literal("neighbors"),
    scaling: Scaling,
    k: z.int(),
    points: z.array(z.object({ species: Species, features: z.array(z.number()) })),
  }),
]);
export type Model = z.infer<typeof Model>;

/** What a penguin is, what the model takes it for, and the probability it gave to what it is. */
const Prediction = z.object({ actual: Species, predicted: Species, probability: z.number() });
export type Prediction = z.infer<typeof Prediction>;
export const Predictions = sd.serialized(z.array(Prediction), new sd.CsvSerializer(Prediction));

/** How good predictions are. */
export const Metrics = z.object({
  accuracy: z.number(),
  /** Mean of -log(probability): tells apart what is equally accurate. Less is better. */
  logLoss: z.number(),
  perSpecies: z.array(z.object({ species: Species, precision: z.number(), recall: z.number() })),
  /** A row for each actual species, in it a count for each predicted one. */
  confusion: z.array(z.array(z.int())),
});
export type Metrics = z.infer<typeof Metrics>;

/** One model of the benchmark. */
const Result = z.object({
  hyperParameters: HyperParameters,
  /** 1 for what was asked for, 2 for what was tried around the best of these. */
  round: z.int(),
  metrics: Metrics,
});
export type Result = z.infer<typeof Result>;

/** All models, the best one first. */
export const Benchmark = z.array(Result).min(1);
export type Benchmark = z.infer<typeof Benchmark>;

/** What an experiment is made of. */
export interface Experiment {
  /** Which content of the source: the digest of the file. */
  readonly sha256: string;
  /** The first round of the benchmark. */
  readonly candidates: HyperParameters[];
  /** How the penguins are divided. */
  readonly split: Split;
}

/** What is asked for; all else follows. A type, as `build()` takes no interface as a record. */
export type Pipeline = {
  readonly benchmark: sd.AutoTask<Benchmark>;
  readonly chart: sd.AutoTask<string>;
  readonly report: sd.AutoTask<string>;
};
