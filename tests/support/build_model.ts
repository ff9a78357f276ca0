/**
 * What a build has to do, told naively: every question is answered by looking at all tasks again. Unaware of how builds
 * are made: it is told what an executor is given and gives back, and collects what must not be.
 */

import { type LockAnswer, type LockSpec, TaskLock } from "./lock_model.ts";

/** One random build. */
export interface BuildSpec {
  readonly nodes: readonly NodeSpec[];
  readonly roots: readonly number[];
  readonly maxConcurrent: number;
  readonly limits: Readonly<Record<string, number>>;
  readonly maxConcurrentDiscover: number;
  readonly failMode: "fail_fast" | "continue";
  /** How long tasks that were asked to stop may go on, in milliseconds. */
  readonly gracePeriod: number;
  /** How global locks are waited for, where there are any. */
  readonly locks: LockSpec | undefined;
}

/** A task, called by its place: it only requires tasks of lower places, and yields such or itself. */
export interface NodeSpec {
  readonly requires: readonly number[];
  /** It was complete before the build. */
  readonly done: boolean;
  /** When it says whether it is complete: as it is asked, a little later, or when the test has it answer. */
  readonly check: "at once" | "soon" | "when told";
  readonly priority: number;
  readonly keys: readonly string[];
  /** It only runs with its lock, where there are locks. */
  readonly isLocked: boolean;
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
  /** Whether it looks at its signal. */
  readonly looks: boolean;
  readonly yields: readonly (readonly number[])[];
  readonly end: "complete" | Failure;
}

/** Why an attempt failed; of these, what is fatal is never tried again. */
export type Failure = "error" | "fatal" | "no output";

/** What an executor gives for a task. */
export type ModelOutcome =
  | { readonly kind: "complete" }
  | { readonly kind: "suspended"; readonly yielded: readonly number[] }
  | {
    readonly kind: "failed";
    /** What it throws tells by itself that it was "asked to stop". */
    readonly why: Failure | "asked to stop";
    readonly hasLooked: boolean;
  };

/** How a task ends, as in the summary. */
export type Final =
  | "previouslyCompleted"
  | "succeeded"
  | "failed"
  | "skipped"
  | "cancelled"
  | "pending";

/** How a task counts while the build goes on. */
export type Current = Final | "running" | "suspended";

/** A task that the build knows. Whether it is ready or skipped is no state: it follows from the states of others. */
interface Node {
  readonly place: number;
  readonly spec: NodeSpec;
  /** Tasks above it along the longest path; only known of those that the build begins with. */
  height: number | undefined;
  state:
    | "idle"
    | "locking"
    | "waiting for lock"
    | "running"
    | "suspended"
    | "backing off"
    | "complete"
    | "failed"
    | "cancelled";
  /** What it cannot go on without; `undefined` as long as nobody has looked. */
  waitsFor: readonly number[] | undefined;
  check: "none" | "under way" | "answered";
  /** It was complete when it was looked at first, or others have completed it since then. */
  isByOthers: boolean;
  readonly lock: TaskLock;
  /** What is next while it is locking. */
  step: "look" | "ask" | "answer" | "look, with the lock" | "look, said to be complete" | "run";
  attempt: number;
  /** The attempt to be started next is the same again. */
  isAnew: boolean;
  /** How long the attempt may still run, and when it was last started or taken up. */
  timeLeft: number;
  since: number;
  /** The time of the attempt is over: it was asked to stop. */
  isTimedOut: boolean;
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
  /** How often the build must have warned. */
  warnings = 0;
  #stoppedAt = Infinity;
  #hasExitedEarly = false;
  #hasHadOutage = false;
  #isGraceOver = false;
  /** What the build begins with is known. */
  #hasBegun = false;
  readonly #spec: BuildSpec;
  #now: number;
  readonly #nodes = new Map<number, Node>();
  /** What is being looked at, and what is to be looked at after that. */
  #level: Node[] = [];
  #toLook: Node[] = [];
  /** The level was begun since all was quiet. */
  #isNewLevel = false;
  #event = 0;
  /**
   * Ends of which the build knows, but may first start what it can: these are taken in when all is quiet, or as soon as
   * something happens that cannot happen before.
   */
  #arrived: (() => void)[] = [];
  /**
   * The event since when the build has been looking at tasks, if it has since all was quiet. What follows from that may
   * come before or after other things: it is not held against the build before all is quiet again.
   */
  #lookingSince: number | undefined;
  readonly #readyInTurn = new Set<Node>();
  #wasStopped = false;

  /** `now` is the time at which the build begins, in milliseconds. */
  constructor(spec: BuildSpec, now: number) {
    this.#spec = spec;
    this.#now = now;
    this.#happens("begin", () => this.#look(spec.roots));
  }

  // ---- what happens ----

  /** All is quiet, and now one thing happens, or several at once. */
  beginTurn(): void {
    this.quiet();
    this.#lookingSince = undefined;
    this.#isNewLevel = false;
    this.#readyInTurn.clear();
    this.#wasStopped = this.isStopped;
  }

  /** Nothing moves until something happens. */
  quiet(): void {
    if (!this.isAllLocked()) return;
    this.#hasExitedEarly = true;
    this.#happens("exit early", () => this.#stop());
  }

  #takeIn(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const take of arrived) take();
  }

  /** A task is asked whether it is complete. */
  checkBegan(place: number): void {
    if (!this.#nodes.has(place)) this.#takeIn();
    if (this.#nodes.get(place)?.check === "answered") return this.#lookBegan(place);
    this.#happens(`check ${place}`, () => {
      this.#lookingSince ??= this.#event;
      const node = this.#nodes.get(place);
      if (node === undefined) return this.problem(`${place} is looked at, but nobody needs it`);
      if (this.isStopped) this.problem(`${place} is looked at after the build was stopped`);
      if (node.check !== "none") this.problem(`${place} is looked at twice at once`);
      // All that came in by then is taken along, also what is only now seen to have come.
      if (this.#level.length === 0 || (this.#isNewLevel && this.#toLook.includes(node))) {
        this.#level.push(...this.#toLook);
        this.#toLook = [];
        this.#isNewLevel = true;
      }
      if (!this.#level.includes(node)) this.problem(`${place} is looked at before its turn`);
      node.check = "under way";
      const most = this.#spec.maxConcurrentDiscover;
      if (this.#checks.length > most) this.problem(`more than ${most} checks at once`);
    });
  }

  /** A task says whether it is complete. */
  checkEnded(place: number, isComplete: boolean): void {
    const node = this.#nodes.get(place)!;
    if (node.check === "answered") return this.#lookEnded(node, isComplete);
    this.#happens(`checked ${place}`, () => {
      this.#lookingSince ??= this.#event;
      node.check = "answered";
      node.isByOthers = isComplete;
      const level = this.#level;
      if (this.isStopped || !level.every(({ check }) => check === "answered")) return;
      this.#level = [];
      for (const node of level) this.#found(node);
      if (this.#hasBegun || this.#toLook.length > 0) return;
      this.#hasBegun = true;
      for (const node of this.#nodes.values()) node.height = this.#heightOf(node);
    });
  }

  /** The executor is given a task. */
  submitted(place: number, attempt: number): void {
    const node = this.#nodes.get(place);
    if (node?.state !== "locking") this.#takeInBefore(node);
    this.#happens(`submit ${place}`, () => {
      if (node === undefined) return this.problem(`${place} was never asked for`);
      if (node.state !== "locking") this.#checkTakenUp(node);
      else if (node.step !== "run") this.problem(`${place} was started before it had its lock`);
      if (this.#needsLock(node)) this.problem(`${place} was started without its lock`);
      const isNext = node.state !== "suspended";
      if (isNext) {
        node.attempt = this.#nextAttempt(node);
        node.isAnew = false;
        node.timeLeft = node.spec.policy.timeout;
        node.isTimedOut = false;
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

  /** The executor gives an outcome, when all was quiet before. */
  ended(place: number, outcome: ModelOutcome): void {
    this.#ended(this.#nodes.get(place)!, outcome, this.#wasStopped);
  }

  /** `submit()` itself gives an outcome: others are started before the build looks at it, unless it is a failure. */
  endedAtOnce(place: number, outcome: ModelOutcome): void {
    const node = this.#nodes.get(place)!;
    this.trace.push(`${place} ends at once`);
    this.#arrived.push(() => this.#ended(node, outcome, false));
    if (outcome.kind === "failed") this.#takeIn();
  }

  /** The build says when it will try again. */
  retrying(place: number, attempt: number, delay: number): void {
    const node = this.#nodes.get(place)!;
    if (node.due !== undefined || node.state !== "backing off") this.#takeIn();
    // What comes with it may have stopped the build.
    const isNext = node.state === "backing off" || node.state === "cancelled";
    if (!isNext || node.due !== undefined) return this.problem(`${place} is to be tried again`);
    const [shortest, longest] = node.spec.policy.delay(attempt);
    if (!(delay >= shortest && delay <= longest)) this.problem(`${place} waits for ${delay} ms`);
    this.trace.push(`${place} comes again in ${delay} ms`);
    node.due = this.#now + delay;
  }

  /** The timers until now have run: for the next attempt, for those out of time, for those that do not stop. */
  timePassed(now: number): void {
    const { gracePeriod } = this.#spec;
    const deadline = ({ since, timeLeft }: Node): number => since + timeLeft;
    this.#happens(`time ${now}`, () => {
      this.#now = now;
      for (const node of this.#nodes.values()) {
        if (node.state === "backing off" && node.due! <= now) node.state = "idle";
        if (node.state === "waiting for lock" && node.lock.wait!.due <= now) node.state = "idle";
      }
      const running = this.#running().sort((a, b) => deadline(a) - deadline(b) || a.turn - b.turn);
      for (const node of running) {
        if (!this.isStopped && deadline(node) <= now && !node.isTimedOut) {
          node.isTimedOut = true;
          this.trace.push(`${node.place} is out of time`);
        }
        if (!node.isTimedOut || deadline(node) + gracePeriod > now) continue;
        this.warnings++;
        this.#arrived.push(() => this.#givenUp(node));
      }
      if (this.#isGraceOver || this.#stoppedAt + gracePeriod > now) return;
      this.#isGraceOver = true;
      if (running.length === 0) return;
      this.warnings++;
      for (const node of running) this.#arrived.push(() => this.#givenUp(node));
    });
  }

  /** The lock of a task is asked for. */
  lockAsked(place: number, checksCompletion: boolean): void {
    const node = this.#nodes.get(place)!;
    if (node.state !== "locking") this.#takeUp(node, "ask");
    if (node.step !== "ask") this.problem(`the lock of ${place} is asked for out of turn`);
    node.lock.asked(this.#now);
    const isBelieved = node.lock.isBelieved;
    if (checksCompletion !== isBelieved) this.problem(`${place} is taken for complete, or not`);
    node.step = "answer";
  }

  /** That is answered, when all was quiet before. */
  lockAnswered(place: number, answer: LockAnswer): void {
    const node = this.#nodes.get(place)!;
    this.#happens(`lock of ${place}: ${answer}`, () => {
      // The build was stopped meanwhile.
      if (node.state !== "locking") return;
      switch (answer) {
        case "acquired":
          node.lock.state = "held";
          node.step = "look, with the lock";
          return;
        case "said to be complete":
          node.step = "look, said to be complete";
          return;
        case "outage":
          if (!this.#hasHadOutage) this.warnings++;
          this.#hasHadOutage = true;
          return this.#waitsForOthers(node, false);
        case "others have it":
        case "too many are held":
          return this.#waitsForOthers(node, true);
        case "refused":
          return this.#failedForGood(node, this.#failedAttempt(node));
      }
    });
  }

  /** The lock that a task has gets lost. */
  lockLost(place: number): void {
    this.#happens(`lock of ${place} is lost`, () => this.#nodes.get(place)!.lock.state = "lost");
  }

  /** The build says that a task has failed, which the model may know. */
  failed(place: number): void {
    const node = this.#nodes.get(place)!;
    if (!node.lock.isLostTooOften || node.state === "running") return;
    this.#takeInBefore(node);
    if (node.state === "failed") return;
    this.#happens(`${place} has lost its lock too often`, () => {
      this.#checkTakenUp(node);
      this.#failedForGood(node, this.#failedAttempt(node));
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
    const late = nodes.filter(({ state, due }) => state === "backing off" && due === undefined)
      .map(({ place }) => `${place} failed, and no other attempt was announced`);
    if (this.isStopped) return late;
    for (const { place, state, step } of nodes) {
      if (state !== "locking") continue;
      if (step === "ask" || step === "run") late.push(`${place} must ${step} and does not`);
    }
    for (const node of this.#ready()) {
      if (this.#mayStart(node)) late.push(`${node.place} was not started`);
    }
    const open = this.#level.filter(({ check }) => check !== "answered").length;
    if (this.#checks.length < Math.min(this.#spec.maxConcurrentDiscover, open)) {
      late.push(`only ${this.#checks.length} checks are under way, of ${open}`);
    }
    if (open === 0) {
      for (const { place } of this.#toLook) late.push(`nobody looks at ${place}`);
    }
    return late;
  }

  /** How each known task counts now. */
  current(): ReadonlyMap<number, Current> {
    const current = new Map<number, Current>();
    for (const node of this.#nodes.values()) current.set(node.place, this.#current(node));
    return current;
  }

  /** What a reporter must have been told of each known task by now. */
  told(): ReadonlyMap<number, readonly string[]> {
    const told = new Map<number, readonly string[]>();
    for (const node of this.#nodes.values()) {
      const isSkipped = this.#current(node) === "skipped";
      told.set(node.place, isSkipped ? [...node.told, `skipped ${node.attempt}`] : node.told);
    }
    return told;
  }

  /** How many tasks count how. */
  taskCount(): Readonly<Record<Current | "discovered", number>> {
    const count = {
      discovered: this.#nodes.size,
      previouslyCompleted: 0,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      cancelled: 0,
      pending: 0,
      running: 0,
      suspended: 0,
    };
    for (const current of this.current().values()) count[current]++;
    return count;
  }

  /** What a build tells of itself while it goes on. */
  progress(): Readonly<Record<string, unknown>> {
    return {
      phase: this.#hasBegun ? "building" : "discovering",
      ...this.taskCount(),
      waitingForLock:
        [...this.#nodes.values()].filter(({ lock }) => lock.wait !== undefined).length,
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

  /** Whether a task under way was asked to stop. */
  isAskedToStop(place: number): boolean {
    return this.isStopped || this.isTimedOut(place) ||
      this.#nodes.get(place)?.lock.state === "lost";
  }

  isTimedOut(place: number): boolean {
    return this.#nodes.get(place)?.isTimedOut === true;
  }

  /** Whether it waits for what it yielded, and may go on. */
  isSuspended(place: number): boolean {
    const node = this.#nodes.get(place);
    return node?.state === "suspended" && !this.#isBlocked(node);
  }

  /** Whether it has its lock and is, or is to be, under way. */
  holdsLock(place: number): boolean {
    const node = this.#nodes.get(place);
    return node?.lock.state === "held" && !this.#isBlocked(node);
  }

  /** Whether it has its lock for sure, not only since this event. */
  canLoseLock(place: number): boolean {
    return this.holdsLock(place) && this.#nodes.get(place)!.state !== "locking";
  }

  /** Whether it is looked at in place of asking for its lock again. */
  looksFirst(place: number): boolean {
    const node = this.#nodes.get(place);
    return node?.state === "locking" && node.step === "look";
  }

  wasComplete(place: number): boolean {
    const node = this.#nodes.get(place);
    return node?.isByOthers === true && node.waitsFor === undefined;
  }

  /** How the build has to end. */
  get status(): "success" | "failure" | "cancelled" | "exit_early" {
    const { discovered, previouslyCompleted, succeeded, failed } = this.taskCount();
    if (failed > 0) return "failure";
    if (previouslyCompleted + succeeded === discovered) return "success";
    return this.#hasExitedEarly ? "exit_early" : "cancelled";
  }

  /** Whether the build has looked at tasks since all was quiet. */
  get isLooking(): boolean {
    return this.#lookingSince !== undefined;
  }

  // ---- the rules ----

  /** Comes to know tasks; those that are new are still to be looked at. */
  #look(places: readonly number[]): void {
    for (const place of places) {
      if (this.#nodes.has(place)) continue;
      const node: Node = {
        place,
        spec: this.#spec.nodes[place]!,
        height: undefined,
        state: "idle",
        waitsFor: undefined,
        check: "none",
        isByOthers: false,
        lock: new TaskLock(this.#spec.locks),
        step: "ask",
        attempt: 0,
        isAnew: false,
        timeLeft: Infinity,
        since: 0,
        isTimedOut: false,
        turn: 0,
        due: undefined,
        readyBy: undefined,
        told: [],
      };
      this.#nodes.set(place, node);
      this.#toLook.push(node);
    }
  }

  /** It was looked at: it is complete, or what it requires is to be looked at, too. */
  #found(node: Node): void {
    if (node.isByOthers) {
      node.state = "complete";
      node.told.push("previously_completed");
    } else {
      node.waitsFor = node.spec.requires;
      this.#look(node.spec.requires);
    }
  }

  /** `wasStopped`: the build was to stop when the end came, whenever it is taken in. */
  #ended(node: Node, outcome: ModelOutcome, wasStopped: boolean): void {
    const { place } = node;
    const what = outcome.kind === "failed" ? `failed: ${outcome.why}` : outcome.kind;
    this.#happens(`end ${place}, ${what}`, () => {
      node.timeLeft = Math.max(0, node.timeLeft - (this.#now - node.since));
      if (outcome.kind === "complete") {
        node.state = "complete";
        node.lock.end();
        node.told.push("completed");
      } else if (node.isTimedOut) {
        this.#failed(node, "error");
      } else if (outcome.kind === "suspended") {
        this.#suspended(node, outcome.yielded);
      } else {
        const { why, hasLooked } = outcome;
        const mayHaveStopped = hasLooked || why === "asked to stop" || why === "no output";
        if (wasStopped && mayHaveStopped) this.#cancelled(node);
        else if (!wasStopped && hasLooked && node.lock.state === "lost") this.#beginsAnew(node);
        else this.#failed(node, why);
      }
    });
  }

  /** It was asked to stop and has not. */
  #givenUp(node: Node): void {
    if (node.state !== "running") return;
    this.#happens(`give up ${node.place}`, () => {
      if (node.isTimedOut) this.#failed(node, "error");
      else this.#cancelled(node);
    });
  }

  #suspended(node: Node, yielded: readonly number[]): void {
    node.state = "suspended";
    node.told.push("suspended");
    if (yielded.includes(node.place)) return this.#failedForGood(node);
    node.waitsFor = yielded;
    this.#look(yielded);
    if (this.isStopped && !this.#isBlocked(node)) this.#cancelled(node);
  }

  #failed(node: Node, why: Failure | "asked to stop"): void {
    if (why === "fatal" || node.attempt >= node.spec.policy.maxAttempts || this.isStopped) {
      return this.#failedForGood(node);
    }
    node.state = "backing off";
    node.due = undefined;
    node.told.push(`retrying ${node.attempt}`);
    this.retried++;
  }

  #failedForGood(node: Node, attempt = node.attempt): void {
    node.state = "failed";
    node.lock.end();
    node.told.push(`failed ${attempt}`);
    if (this.#spec.failMode === "fail_fast") this.#stop();
  }

  #cancelled(node: Node): void {
    node.state = "cancelled";
    node.lock.end();
    node.told.push("cancelled");
  }

  /** What has begun and does not run is cancelled, but for what the failure that stops the build has skipped. */
  #stop(): void {
    if (this.isStopped) return;
    this.#stoppedAt = this.#now;
    for (const node of this.#nodes.values()) {
      node.lock.wait = undefined;
      if (node.state === "locking" || node.state === "waiting for lock") {
        node.state = "idle";
        node.lock.end();
      }
      const isOpen = node.state === "suspended" || node.state === "backing off" ||
        (node.state === "idle" && node.attempt > 0);
      if (isOpen && !this.#isBlocked(node)) this.#cancelled(node);
    }
  }

  // ---- the rules of locks ----

  /** Whether it may not be run before it has asked for its lock, and got it. */
  #needsLock({ spec, lock }: Node): boolean {
    return this.#spec.locks !== undefined && spec.isLocked && lock.state !== "held";
  }

  /** It is its turn, and it needs its lock. */
  #takeUp(node: Node, step: "look" | "ask"): void {
    this.#takeInBefore(node);
    this.#happens(`lock ${node.place}`, () => {
      this.#checkTakenUp(node);
      if (!this.#needsLock(node)) this.problem(`${node.place} needs no lock`);
      if ((node.lock.wait !== undefined) !== (step === "look")) {
        this.problem(`${node.place} is${step === "look" ? "" : " not"} looked at first`);
      }
      if (node.lock.isLostTooOften) this.problem(`${node.place} has lost its lock too often`);
      // What has yielded begins anew: others may have had the lock.
      if (node.state === "suspended") node.isAnew = true;
      node.state = "locking";
      node.step = step;
      node.lock.forgetLoss();
      node.waitsFor = [];
    });
  }

  /** It is asked whether others have completed it. */
  #lookBegan(place: number): void {
    const node = this.#nodes.get(place)!;
    // The build was stopped meanwhile.
    if (this.isStopped) return;
    if (node.state !== "locking") this.#takeUp(node, "look");
    if (!node.step.startsWith("look")) this.problem(`${place} is looked at again`);
  }

  #lookEnded(node: Node, isComplete: boolean): void {
    this.#happens(`looked at ${node.place} again`, () => {
      if (node.state !== "locking") return;
      if (isComplete) {
        node.state = "complete";
        node.isByOthers = true;
        node.lock.end();
        node.told.push("previously_completed");
      } else if (node.step === "look") {
        node.step = "ask";
      } else if (node.step === "look, with the lock") {
        node.step = "run";
        node.lock.wait = undefined;
      } else {
        this.#waitsForOutput(node);
      }
    });
  }

  #waitsForOthers(node: Node, isTaken: boolean): void {
    const isFirst = node.lock.wait === undefined;
    if (node.lock.waitForOthers(this.#now, isTaken)) this.#waits(node, isFirst);
    else this.#failedForGood(node, this.#failedAttempt(node));
  }

  #waitsForOutput(node: Node): void {
    const isFirst = node.lock.wait === undefined;
    node.lock.waitForOutput(this.#now);
    this.#waits(node, isFirst);
  }

  #waits(node: Node, isFirst: boolean): void {
    node.state = "waiting for lock";
    if (isFirst) node.told.push("waiting_for_lock");
  }

  /** It has stopped for its lock was lost: that is no failure. */
  #beginsAnew(node: Node): void {
    if (node.lock.isLostTooOften) return this.#failedForGood(node);
    this.trace.push(`${node.place} begins anew`);
    if (this.isStopped) return this.#cancelled(node);
    node.lock.forgetLoss();
    node.state = "idle";
    node.isAnew = true;
  }

  /** The number of the attempt that would be started next. */
  #nextAttempt({ attempt, isAnew }: Node): number {
    return isAnew ? attempt : attempt + 1;
  }

  /** In which attempt it has failed for want of a lock. */
  #failedAttempt(node: Node): number {
    if (node.attempt === 0 || node.state === "suspended") return node.attempt;
    return this.#nextAttempt(node);
  }

  /** Whether nothing goes on before others give back a lock, and the build is not to wait for that. */
  isAllLocked(): boolean {
    this.#takeIn();
    if (this.#spec.locks?.exitsEarly !== true || !this.#hasBegun || this.isStopped) return false;
    const nodes = [...this.#nodes.values()];
    const isLooking = this.#toLook.length > 0 ||
      this.#level.some(({ check }) => check !== "answered");
    const waiting = nodes.filter(({ state }) => state === "waiting for lock");
    return !isLooking && waiting.length > 0 && waiting.every(({ lock }) => lock.wait!.isTaken) &&
      !nodes.some((node) => node.state === "backing off" || this.#isReady(node)) &&
      this.#busy().length === 0;
  }

  // ---- the rules of the order ----

  /** What came before it may be what lets it be taken up. */
  #takeInBefore(node: Node | undefined): void {
    if (node === undefined || !this.#mayStart(node)) this.#takeIn();
  }

  /** It was its turn to be started, to go on, or to ask for its lock. */
  #checkTakenUp(node: Node): void {
    const { place } = node;
    if (this.isStopped) this.problem(`${place} was started after the build was stopped`);
    if (!this.#hasBegun) this.problem(`${place} was started before all was looked at`);
    if (!this.#isReady(node)) return this.problem(`${place} was started, but is not ready`);
    if (this.#busy().length >= this.#spec.maxConcurrent) {
      this.problem(`${place} is one too many`);
    }
    if (!this.#hasSlots(node)) this.problem(`${place} is beyond a limit`);
    for (const other of this.#ready()) {
      if (this.#readyInTurn.has(other) || !this.#hasSlots(other)) continue;
      if (isBefore(other, node)) this.problem(`${place} was started before ${other.place}`);
    }
  }

  /** Whether it is ready and there is a place for it, and slots. */
  #mayStart(node: Node): boolean {
    return this.#hasBegun && !this.isStopped && this.#isReady(node) && this.#hasSlots(node) &&
      this.#busy().length < this.#spec.maxConcurrent;
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

  #current(node: Node): Current {
    switch (node.state) {
      case "complete":
        return node.isByOthers ? "previouslyCompleted" : "succeeded";
      case "suspended":
        // One that could go on waits for its turn, as those do that have not begun.
        return this.#isBlocked(node) ? "skipped" : this.#isReady(node) ? "pending" : "suspended";
      case "idle":
        return this.#isBlocked(node) ? "skipped" : "pending";
      case "backing off":
      case "waiting for lock":
        return "pending";
      case "locking":
        return "running";
      default:
        return node.state;
    }
  }

  #running(): Node[] {
    return [...this.#nodes.values()].filter(({ state }) => state === "running");
  }

  /** Those that have a place, and slots. */
  #busy(): Node[] {
    return [...this.#nodes.values()].filter(({ state }) =>
      state === "running" || state === "locking"
    );
  }

  #ready(): Node[] {
    return [...this.#nodes.values()].filter((node) => this.#isReady(node));
  }

  get #checks(): readonly Node[] {
    return [...this.#nodes.values()].filter(({ check }) => check === "under way");
  }

  #hasSlots({ spec }: Node): boolean {
    return spec.keys.every((key) =>
      this.#busy().filter((each) => each.spec.keys.includes(key)).length <
        this.#spec.limits[key]!
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
    this.#event++;
    happen();
    for (const node of this.#ready()) {
      if (before.includes(node)) continue;
      node.readyBy ??= this.#lookingSince ?? this.#event;
      if (this.#lookingSince !== undefined) this.#readyInTurn.add(node);
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
