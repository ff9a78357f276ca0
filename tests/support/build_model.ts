/**
 * What a build has to do, told naively: every question is answered by looking at all tasks again. Unaware of how builds
 * are made: it is told what an executor is given and gives back, and collects what must not be.
 */

/** One random build. */
export interface BuildSpec {
  readonly nodes: readonly NodeSpec[];
  readonly roots: readonly number[];
  readonly maxConcurrent: number;
  readonly limits: Readonly<Record<string, number>>;
  readonly failMode: "fail_fast" | "continue";
  /** How long tasks that were asked to stop may go on, in milliseconds. */
  readonly gracePeriod: number;
}

/** A task, called by its place: it only requires and yields tasks of lower places. */
export interface NodeSpec {
  readonly requires: readonly number[];
  /** It was complete before the build. */
  readonly done: boolean;
  readonly priority: number;
  readonly keys: readonly string[];
  readonly policy: PolicySpec;
  /** What its attempts do; the last one stands for all that follow, too. */
  readonly attempts: readonly AttemptSpec[];
}

/** What the type of a task says of how it is run. */
export interface PolicySpec {
  readonly maxAttempts: number;
  /** The shortest and the longest wait after an attempt. */
  delay(attempt: number): readonly [number, number];
  readonly timeout: number;
}

/** An attempt: the tasks it yields, one yield after the other, then how it ends. */
export interface AttemptSpec {
  readonly yields: readonly (readonly number[])[];
  readonly end: "complete" | Failure;
}

/** Why an attempt failed; of these, what is fatal is never tried again. */
export type Failure = "error" | "fatal" | "no output";

/** What an executor gives for a task. */
export type ModelOutcome =
  | { readonly kind: "complete" }
  | { readonly kind: "suspended"; readonly yielded: readonly number[] }
  | { readonly kind: "failed"; readonly why: Failure | "asked to stop" };

/** How a task ends, as in the summary. */
export type Final =
  | "previouslyCompleted"
  | "succeeded"
  | "failed"
  | "skipped"
  | "cancelled"
  | "pending";

/** A task that the build knows. Whether it is ready or skipped is no state: it follows from the states of others. */
interface Node {
  readonly place: number;
  readonly spec: NodeSpec;
  /** Tasks above it along the longest path; only known of those that the build begins with. */
  height: number | undefined;
  state: "idle" | "running" | "suspended" | "backing off" | "complete" | "failed" | "cancelled";
  /** What it cannot go on without; `undefined` as long as nobody has looked. */
  waitsFor: readonly number[] | undefined;
  attempt: number;
  /** How long the attempt may still run, and when it was last started or taken up. */
  timeLeft: number;
  since: number;
  /** The event by which it was last started or taken up. */
  turn: number;
  /** When the next attempt may begin, once that was announced. */
  due: number | undefined;
  /** The event that first made it ready: what was begun ends before others begin. */
  readyBy: number | undefined;
  /** What a reporter is to be told of it, in order. */
  readonly told: string[];
}

/** The rules, applied to one build as it goes. */
export class Model {
  /** What was not as it must be. */
  readonly problems: string[] = [];
  /** What happened, for a reader. */
  readonly trace: string[] = [];
  /** Attempts that failed and were to be followed by another. */
  retried = 0;
  #stoppedAt = Infinity;
  readonly #spec: BuildSpec;
  #now: number;
  readonly #nodes = new Map<number, Node>();
  #event = 0;
  /**
   * Since all was quiet, things have happened of which the build may learn one by one, and what they lead to in between.
   * What became ready or free by them is not held against it before all is quiet again.
   */
  #isMany = false;
  #wasStoppedInTurn = false;
  readonly #endedInTurn = new Set<Node>();
  readonly #readyInTurn = new Set<Node>();

  /** `now` is the time at which the build begins, in milliseconds. */
  constructor(spec: BuildSpec, now: number) {
    this.#spec = spec;
    this.#now = now;
    this.#happens("begin", () => this.#look(spec.roots));
    for (const node of this.#nodes.values()) node.height = this.#heightOf(node);
  }

  // ---- what happens ----

  /** All was quiet, and now one thing happens, or several at once. */
  beginTurn(isMany: boolean): void {
    this.#isMany = isMany;
    this.#wasStoppedInTurn = false;
    this.#endedInTurn.clear();
    this.#readyInTurn.clear();
  }

  /** The executor is given a task. */
  submitted(place: number, attempt: number): void {
    this.#happens(`submit ${place}`, () => {
      const node = this.#nodes.get(place);
      if (node === undefined) return this.problem(`${place} was never asked for`);
      this.#checkSubmitted(node);
      const isNext = node.state !== "suspended";
      if (isNext) {
        node.attempt++;
        node.timeLeft = node.spec.policy.timeout;
        node.told.push(`started ${node.attempt}`);
      } else {
        node.told.push("resumed");
      }
      if (node.attempt !== attempt) {
        this.problem(`${place} was told that it is attempt ${attempt}`);
      }
      if (attempt > node.spec.policy.maxAttempts) this.problem(`${place} was tried too often`);
      node.state = "running";
      node.waitsFor = [];
      node.since = this.#now;
      node.turn = this.#event;
    });
  }

  /** The executor gives an outcome; at once, when `submit()` itself did. */
  ended(place: number, outcome: ModelOutcome, isAtOnce: boolean): void {
    if (isAtOnce) this.#isMany = true;
    const what = outcome.kind === "failed" ? `failed: ${outcome.why}` : outcome.kind;
    this.#happens(`end ${place}, ${what}`, () => {
      const node = this.#nodes.get(place)!;
      this.#endedInTurn.add(node);
      node.timeLeft -= this.#now - node.since;
      switch (outcome.kind) {
        case "complete":
          node.state = "complete";
          node.told.push("completed");
          return;
        case "suspended":
          node.state = "suspended";
          node.waitsFor = outcome.yielded;
          node.told.push("suspended");
          this.#look(outcome.yielded);
          return;
        case "failed":
          this.#failed(node, outcome.why);
          // It has been told at once, and so must heed it at once.
          if (isAtOnce) this.#wasStoppedInTurn = false;
          return;
      }
    });
  }

  /** The build says when it will try again. */
  retrying(place: number, attempt: number, delay: number): void {
    const node = this.#nodes.get(place)!;
    node.told.push(`retrying ${attempt}`);
    if (node.state !== "backing off" || node.due !== undefined) {
      return this.problem(`${place} is to be tried again`);
    }
    const [shortest, longest] = node.spec.policy.delay(attempt);
    if (!(delay >= shortest && delay <= longest)) this.problem(`${place} waits for ${delay} ms`);
    this.trace.push(`${place} comes again in ${delay} ms`);
    node.due = this.#now + delay;
  }

  /** The timers until now have run: for the next attempt, for those out of time, for those that do not stop. */
  timePassed(now: number): void {
    this.#happens(`time ${now}`, () => {
      this.#now = now;
      for (const node of this.#nodes.values()) {
        if (node.state === "backing off" && node.due! <= now) node.state = "idle";
      }
      const deadline = ({ since, timeLeft }: Node): number => since + timeLeft;
      const running = this.#running().sort((a, b) => deadline(a) - deadline(b) || a.turn - b.turn);
      for (const node of running) {
        if (deadline(node) <= now) this.#failed(node, "error");
        else if (this.#stoppedAt + this.#spec.gracePeriod <= now) {
          this.#failed(node, "asked to stop");
        } else continue;
        this.#endedInTurn.add(node);
      }
    });
  }

  /** The build is asked to stop. */
  stopped(): void {
    this.#happens("stop", () => this.#stop());
  }

  // ---- what must be ----

  /** What should have happened by now, where nothing moves until the next event. */
  overdue(): readonly string[] {
    const nodes = [...this.#nodes.values()];
    const running = this.#running();
    const isFull = this.isStopped || running.length >= this.#spec.maxConcurrent;
    return [
      ...nodes.filter(({ state, due }) => state === "backing off" && due === undefined)
        .map(({ place }) => `${place} failed, and no other attempt was announced`),
      ...this.#ready().filter((node) => !isFull && this.#hasSlots(node, running))
        .map(({ place }) => `${place} was not started`),
    ];
  }

  /** How each known task ends if the build ends now. */
  finals(): ReadonlyMap<number, Final> {
    const finals = new Map<number, Final>();
    for (const node of this.#nodes.values()) finals.set(node.place, this.#final(node));
    return finals;
  }

  /** What a reporter must have been told of each known task when the build has ended. */
  told(): ReadonlyMap<number, readonly string[]> {
    const told = new Map<number, readonly string[]>();
    for (const node of this.#nodes.values()) {
      const final = this.#final(node);
      const isSilent = node.state === final || (final !== "skipped" && final !== "cancelled");
      const end = final === "skipped" ? `skipped ${node.attempt}` : final;
      told.set(node.place, isSilent ? node.told : [...node.told, end]);
    }
    return told;
  }

  /** How many tasks end how if the build ends now. */
  taskCount(): Readonly<Record<Final | "discovered", number>> {
    const count = {
      discovered: this.#nodes.size,
      previouslyCompleted: 0,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      cancelled: 0,
      pending: 0,
    };
    for (const final of this.finals().values()) count[final]++;
    return count;
  }

  /** What a build tells of itself while it goes on. */
  progress(): Readonly<Record<string, unknown>> {
    const { cancelled, pending, ...count } = this.taskCount();
    const nodes = [...this.#nodes.values()];
    const open = nodes.filter((node) => node.state === "suspended" && !this.#isBlocked(node));
    // One that could go on waits for its turn, as those do that have not begun.
    const next = open.filter((node) => this.#isReady(node)).length;
    const running = this.#running().length;
    const again =
      nodes.filter(({ state, attempt }) =>
        state === "backing off" || (state === "idle" && attempt > 0)
      ).length;
    return {
      phase: "building",
      ...count,
      pending: pending + next + again,
      running,
      suspended: open.length - next,
      cancelled: cancelled - open.length - running - again,
      retried: this.retried,
      isStopping: this.isStopped,
    };
  }

  /** Nothing new may be started. */
  get isStopped(): boolean {
    return this.#stoppedAt !== Infinity;
  }

  /** Whether a task is skipped for good reason because of another. */
  isBlockedBy(place: number, because: number): boolean {
    const failed = this.#nodes.get(because);
    return failed?.state === "failed" && place !== because && this.#waitsOn(place, because);
  }

  isRunning(place: number): boolean {
    return this.#nodes.get(place)?.state === "running";
  }

  isKnown(place: number): boolean {
    return this.#nodes.has(place);
  }

  // ---- the rules ----

  /** Takes in tasks and what they require, down to what is complete; when the build stops, nobody looks any more. */
  #look(places: readonly number[]): void {
    for (const place of places) {
      if (this.#nodes.has(place)) continue;
      const spec = this.#spec.nodes[place]!;
      const isComplete = spec.done && !this.isStopped;
      this.#nodes.set(place, {
        place,
        spec,
        height: undefined,
        state: isComplete ? "complete" : "idle",
        waitsFor: isComplete || this.isStopped ? undefined : spec.requires,
        attempt: 0,
        timeLeft: Infinity,
        since: 0,
        turn: 0,
        due: undefined,
        readyBy: undefined,
        told: isComplete ? ["previously_completed"] : [],
      });
      if (!isComplete && !this.isStopped) this.#look(spec.requires);
    }
  }

  #failed(node: Node, why: Failure | "asked to stop"): void {
    if (this.isStopped && (why === "asked to stop" || why === "no output")) {
      node.state = "cancelled";
      node.told.push("cancelled");
    } else if (why !== "fatal" && node.attempt < node.spec.policy.maxAttempts && !this.isStopped) {
      node.state = "backing off";
      node.due = undefined;
      this.retried++;
    } else {
      node.state = "failed";
      node.told.push(`failed ${node.attempt}`);
      if (this.#spec.failMode === "continue" || this.isStopped) return;
      this.#stop();
      this.#wasStoppedInTurn = true;
    }
  }

  #stop(): void {
    if (!this.isStopped) this.#stoppedAt = this.#now;
  }

  #checkSubmitted(node: Node): void {
    const { place } = node;
    if (this.isStopped && !(this.#wasStoppedInTurn && this.#isMany)) {
      this.problem(`${place} was started after the build was stopped`);
    }
    if (!this.#isReady(node)) return this.problem(`${place} was started, but is not ready`);
    const running = this.#running();
    if (running.length >= this.#spec.maxConcurrent) this.problem(`${place} is one too many`);
    if (!this.#hasSlots(node, running)) this.problem(`${place} is beyond a limit`);
    const mayRun = this.#isMany ? [...running, ...this.#endedInTurn] : running;
    for (const other of this.#ready()) {
      if (this.#readyInTurn.has(other) || !this.#hasSlots(other, mayRun)) continue;
      if (isBefore(other, node)) this.problem(`${place} was started before ${other.place}`);
    }
  }

  #isReady(node: Node): boolean {
    switch (node.state) {
      case "idle":
      case "suspended":
        return node.waitsFor?.every((place) => this.#isComplete(place)) === true;
      default:
        return false;
    }
  }

  #isComplete(place: number): boolean {
    return this.#nodes.get(place)?.state === "complete";
  }

  /** Whether it can never go on, for something that it waits for has failed. */
  #isBlocked(node: Node): boolean {
    return (node.state === "idle" || node.state === "suspended") &&
      node.waitsFor?.some((place) => {
          const other = this.#nodes.get(place)!;
          return other.state === "failed" || this.#isBlocked(other);
        }) === true;
  }

  #waitsOn(place: number, other: number): boolean {
    return place === other ||
      this.#nodes.get(place)!.waitsFor?.some((each) => this.#waitsOn(each, other)) === true;
  }

  #final(node: Node): Final {
    switch (node.state) {
      case "complete":
        return node.attempt === 0 ? "previouslyCompleted" : "succeeded";
      case "failed":
      case "cancelled":
        return node.state;
      case "running":
        return "cancelled";
      case "suspended":
        return this.#isBlocked(node) ? "skipped" : "cancelled";
      case "idle":
        return this.#isBlocked(node) ? "skipped" : node.attempt > 0 ? "cancelled" : "pending";
      case "backing off":
        return "cancelled";
    }
  }

  #running(): Node[] {
    return [...this.#nodes.values()].filter(({ state }) => state === "running");
  }

  #ready(): Node[] {
    return [...this.#nodes.values()].filter((node) => this.#isReady(node));
  }

  #hasSlots({ spec }: Node, running: readonly Node[]): boolean {
    return spec.keys.every((key) =>
      running.filter((each) => each.spec.keys.includes(key)).length < this.#spec.limits[key]!
    );
  }

  #heightOf(node: Node): number {
    const above = [...this.#nodes.values()].filter(({ state, waitsFor }) =>
      state !== "complete" && waitsFor?.includes(node.place)
    );
    return Math.max(0, ...above.map((each) => 1 + this.#heightOf(each)));
  }

  /** Lets something happen, and finds what it has made ready. */
  #happens(what: string, happen: () => void): void {
    this.trace.push(what);
    const before = this.#ready();
    happen();
    this.#event++;
    for (const node of this.#ready()) {
      if (before.includes(node)) continue;
      node.readyBy ??= this.#event;
      if (this.#isMany) this.#readyInTurn.add(node);
    }
  }

  /** Notes what was not as it must be. */
  problem(text: string): void {
    this.problems.push(text);
    this.trace.push(`  PROBLEM: ${text}`);
  }
}

/** Whether of two ready tasks the first must be started first. */
function isBefore(a: Node, b: Node): boolean {
  if (a.spec.priority !== b.spec.priority) return a.spec.priority > b.spec.priority;
  // How those that came in later compare with the others in height is left open.
  if (a.height === undefined || b.height === undefined) return false;
  if (a.height !== b.height) return a.height > b.height;
  return a.readyBy! < b.readyBy!;
}
