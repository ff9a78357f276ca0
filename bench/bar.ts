/**
 * What a bar is: figures measured in processes of their own, and what is claimed of them. Unaware of how processes are
 * started and of how the outcome is shown.
 *
 * @module
 */

/** Some measures that belong together, and claims about them. */
export interface Bar {
  /** What `--only` takes. */
  readonly name: string;
  /** How often each measure is taken, in turns, so that what disturbs one disturbs all of them; 5 unless told. */
  readonly rounds?: number | undefined;
  /** By name. */
  readonly measures: Readonly<Record<string, Measure>>;
  /** The rows of the table. */
  readonly claims: readonly Claim[];
}

/** One figure, measured in a fresh process. */
export interface Measure {
  /** Gives the figure; runs in the process that was started for it. `scratch` is a folder that the whole bar shares. */
  run(scratch: string): number | Promise<number>;
  /** Left out by `--quick`. */
  readonly slow?: boolean | undefined;
  /** For the process, e.g. `--expose-gc`. */
  readonly v8Flags?: readonly string[] | undefined;
}

/** What should hold of a figure, alone or beside another one of the same run. */
export interface Claim {
  /** What is claimed, in a few words. */
  readonly what: string;
  /** The measure it is about. */
  readonly figure: string;
  /** The measure that it is compared with. */
  readonly floor?: string | undefined;
  /** What both are counted in. */
  readonly unit: Unit;
  /** What is to be reached; a claim without goals is for information. */
  readonly goals?: readonly Goal[] | undefined;
}

/** Units of figures. */
export type Unit = "us/task" | "ms" | "s" | "B/task" | "MiB" | "requests";

/** What is to be reached. */
export type Goal =
  /** By the figure itself. */
  | { readonly kind: "at most"; readonly value: number }
  /** By the figure divided by its floor. */
  | { readonly kind: "ratio"; readonly value: number }
  /** By the figure less its floor. */
  | { readonly kind: "above floor"; readonly value: number };

/** The figures of one measure, one for each round, or why there are none. */
export type Samples =
  | { readonly kind: "measured"; readonly figures: readonly number[] }
  | { readonly kind: "failed"; readonly error: string };

/** A claim with what was measured. */
export interface Verdict {
  readonly bar: string;
  readonly claim: Claim;
  /** Medians. */
  readonly figure: number | undefined;
  readonly floor: number | undefined;
  /** Median of the ratios of each round: they share what disturbed the machine. */
  readonly ratio: number | undefined;
  /** `undefined` where there is no goal. */
  readonly met: boolean | undefined;
  /** Why there is no figure. */
  readonly error: string | undefined;
}

/** What the samples say about each claim of a bar; claims about measures that were left out are left out. */
export function verdicts(bar: Bar, samples: ReadonlyMap<string, Samples>): readonly Verdict[] {
  const found: Verdict[] = [];
  for (const claim of bar.claims) {
    const own = samples.get(claim.figure);
    const other = claim.floor === undefined ? undefined : samples.get(claim.floor);
    if (own === undefined || (claim.floor !== undefined && other === undefined)) continue;
    const failed = [own, other].find((each) => each?.kind === "failed");
    if (failed?.kind === "failed") {
      found.push({
        bar: bar.name,
        claim,
        figure: undefined,
        floor: undefined,
        ratio: undefined,
        met: false,
        error: failed.error,
      });
      continue;
    }
    const figures = figuresOf(own);
    const floors = other === undefined ? undefined : figuresOf(other);
    const figure = median(figures);
    const floor = floors && median(floors);
    const ratio = floors && median(figures.map((each, round) => each / floors[round]!));
    const met = claim.goals?.every((goal) => isMet(goal, figure, floor, ratio));
    found.push({ bar: bar.name, claim, figure, floor, ratio, met, error: undefined });
  }
  return found;
}

function isMet(
  goal: Goal,
  figure: number,
  floor: number | undefined,
  ratio: number | undefined,
): boolean {
  switch (goal.kind) {
    case "at most":
      return figure <= goal.value;
    case "ratio":
      return ratio !== undefined && ratio <= goal.value;
    case "above floor":
      return floor !== undefined && figure - floor <= goal.value;
    default:
      throw new Error(`BUG: unknown goal ${JSON.stringify(goal satisfies never)}`);
  }
}

function figuresOf(samples: Samples): readonly number[] {
  return samples.kind === "measured" ? samples.figures : [];
}

/** The middle one, or the mean of the two in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
