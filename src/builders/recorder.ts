/**
 * Tells a registry what happens in a build: in order per task, a task after those that it requires, many at once, and
 * never in the way of the build. The one place that knows which failures of a registry count. Unaware of how the
 * registry is reached.
 *
 * @module
 */

import { messageOf, RegistryError, StardagError, type TaskFailedError } from "../errors.ts";
import { isThenable } from "../thenable.ts";
import {
  type BuildStartOptions,
  NIL_BUILD_ID,
  type Recorded,
  type Registry,
} from "../registries/registry.ts";
import type { AnyTask } from "../tasks/task.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { TaskEvent } from "./reporter.ts";
import type { BuildStatus } from "./summary.ts";

/**
 * What to do when a registry cannot be reached: go on, with a warning, or stop the build. One that refuses always stops
 * it. What a task shows of its output (`registryAssets`) never does.
 */
export type OnRegistryFailure = "warn" | "raise";

/** What a recorder needs besides the registry. */
export interface RecorderOptions {
  readonly onRegistryFailure: OnRegistryFailure;
  /** Told that something could not be recorded. */
  warn(message: string): void;
  /** Told once that the build cannot go on. */
  stop(error: unknown): void;
  /** Told that there is room again. */
  onRoom(): void;
}

/** How many calls may be under way at once. */
const MAX_CONCURRENT = 100;
/** With so many calls waiting, the build waits, too. */
const MAX_BACKLOG = 1000;
/** How many warnings about assets there are, each for a task. */
const MOST_ASSET_WARNINGS = 3;

/** What is still to be told of a task. */
interface Story {
  readonly task: AnyTask;
  readonly calls: Call[];
  /** A call is under way, or the story stands in the queue. */
  isBusy: boolean;
  /** Its registration got lost, so that no other call can succeed. */
  isLost: boolean;
  /** Tasks that are to be registered after this one. */
  after: Story[];
  /** How many registrations it waits for. */
  waitsFor: number;
}

/** One thing to tell. */
interface Call {
  readonly what:
    /** Registers a task that was complete when the build looked: there may be many, and nobody waits for them. */
    | "known"
    /** Registers a task that is run. */
    | "register"
    | "state"
    | "assets";
  /** The method of the registry, for messages. */
  readonly method: keyof Registry;
  send(): Recorded;
}

/** Records one build. */
export class Recorder {
  #buildId = NIL_BUILD_ID;
  readonly #registry: Registry;
  readonly #options: RecorderOptions;
  /** By id of the task; only those of which something is still to be told, or got lost. */
  readonly #stories = new Map<string, Story>();
  /** Those whose registration is not yet acknowledged, by id. */
  readonly #unregistered = new Map<string, Story>();
  /** Ids of those that were registered because they wait for their lock. */
  readonly #registeredEarly = new Set<string>();
  /** Those that can go on, in order. */
  #queue: Story[] = [];
  #queueHead = 0;
  #isPumping = false;
  #underWay = 0;
  /** How many calls are not yet answered; and of these, those that the build makes while it goes on. */
  #open = 0;
  #backlog = 0;
  #hasWarned = false;
  #assetWarnings = 0;
  /** Whether the registry knows of the build. */
  #hasBegun = false;
  /** Nothing is told before the build has begun, nor after the registry has refused or was given up. */
  #isClosed = true;
  #isGivenUp = false;
  #onIdle: (() => void) | undefined;

  constructor(registry: Registry, options: RecorderOptions) {
    this.#registry = registry;
    this.#options = options;
  }

  /** Id of the build, once it has begun. */
  get buildId(): string {
    return this.#buildId;
  }

  /** Whether nothing can be told: the build has not begun, or the registry has refused or was given up. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether so much is still to be told that nothing should be added. */
  get isFull(): boolean {
    return this.#backlog > MAX_BACKLOG;
  }

  /**
   * Begins the build, or goes on with a former one, with tasks that are complete already. Rejects when the registry
   * refuses, and with `"raise"` when it cannot be reached.
   */
  async start(
    roots: readonly AnyTask[],
    { description, resumeBuildId }: BuildStartOptions & {
      readonly resumeBuildId?: string | undefined;
    },
    known: () => Iterable<AnyTask>,
  ): Promise<void> {
    try {
      this.#buildId = resumeBuildId ?? await this.#registry.buildStart(roots, { description });
      this.#hasBegun = true;
    } catch (error) {
      const failure = wrapped(error, "buildStart");
      if (!this.#isForgiven(failure)) throw failure;
      return this.#warn(failure);
    }
    if (this.#isGivenUp) return await this.#cancelBuild();
    this.#isClosed = false;
    // All are announced before the first is told, so that each waits for those that it requires.
    const stories: Story[] = [];
    for (const task of known()) stories.push(this.#announce(task, "known"));
    for (const story of stories) this.#holdBack(story);
    for (const story of stories) this.#goOn(story);
  }

  /** Tells what happened to a task; that it is complete by `complete` where that is given. */
  record(event: TaskEvent, complete?: (buildId: string) => Promise<void>): void {
    if (this.#isClosed) return;
    const { task } = event;
    switch (event.kind) {
      case "previously_completed":
        return this.#register(task, "known");
      case "waiting_for_lock":
        return this.#waitsForLock(task, event.owner);
      case "started":
        if (event.attempt === 1) this.#register(task, "register");
        return this.#tell(task, "taskStart");
      case "suspended":
        return this.#tell(task, "taskSuspend");
      case "resumed":
        return this.#tell(task, "taskResume");
      case "completed":
        this.#add(task, {
          what: "state",
          method: "taskComplete",
          send: () => complete?.(this.#buildId) ?? this.#registry.taskComplete(this.#buildId, task),
        });
        if (task.registryAssets !== undefined) this.#tellAssets(task);
        return;
      case "failed":
        if (event.attempt === 0) this.#register(task, "register");
        return this.#add(task, {
          what: "state",
          method: "taskFail",
          send: () => this.#registry.taskFail(this.#buildId, task, messageOf(event.error.cause)),
        });
      case "cancelled":
        return this.#tell(task, "taskCancel");
      case "skipped":
        // What never began, a registry does not know.
        return event.attempt === 0 ? undefined : this.#tell(task, "taskCancel");
      case "retrying":
        // The service has no call for it: the next attempt is told as another start.
        return;
      default:
        event satisfies never;
    }
  }

  /** Waits until all is told. */
  idle(): Promise<void> {
    if (this.#isClosed || this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle = resolve);
  }

  /** Tells how the build ended, and nothing more. Rejects as `start` does. */
  async end(status: BuildStatus, error: TaskFailedError | undefined): Promise<void> {
    if (this.#isClosed) return;
    this.#close();
    const buildId = this.#buildId;
    const method = END_METHODS[status];
    try {
      if (status === "failure") {
        await this.#registry.buildFail(buildId, messageOf(error?.cause ?? error));
      } else if (status === "exit_early") {
        await this.#registry.buildExitEarly(buildId, EXIT_REASON);
      } else {
        await this.#registry[method](buildId);
      }
    } catch (error) {
      const failure = wrapped(error, method);
      if (!this.#isForgiven(failure)) throw failure;
      this.#warn(failure);
    }
  }

  /** Tells that the build broke down. */
  async fail(error: unknown): Promise<void> {
    this.#close();
    if (!this.#hasBegun) return;
    try {
      await this.#registry.buildFail(this.#buildId, messageOf(error));
    } catch {
      // The error that is told is the one that came first.
    }
  }

  /** Gives up what is not yet told, but for how the build ends; a build that only now begins is cancelled. */
  giveUp(): void {
    this.#isGivenUp = true;
    if (!this.#hasBegun) return;
    this.#open = 0;
    for (const story of this.#stories.values()) story.calls.length = 0;
    this.#onIdle?.();
  }

  /** Whether something is not yet told. */
  get isBehind(): boolean {
    return !this.#isClosed && this.#open > 0;
  }

  async #cancelBuild(): Promise<void> {
    try {
      await this.#registry.buildCancel(this.#buildId);
    } catch {
      // Nobody waits for it any more.
    }
  }

  #close(): void {
    this.#isClosed = true;
    this.#onIdle?.();
  }

  #waitsForLock(task: AnyTask, owner: string | undefined): void {
    this.#register(task, "register");
    this.#registeredEarly.add(task.id);
    const send = (): Recorded => this.#registry.taskWaitingForLock(this.#buildId, task, owner);
    this.#add(task, { what: "state", method: "taskWaitingForLock", send });
  }

  #register(task: AnyTask, what: "known" | "register"): void {
    if (this.#registeredEarly.delete(task.id)) return;
    const story = this.#announce(task, what);
    this.#holdBack(story);
    this.#goOn(story);
  }

  /** The story of the task, with its registration to be told. */
  #announce(task: AnyTask, what: "known" | "register"): Story {
    const send = (): Recorded => this.#registry.taskRegister(this.#buildId, task);
    const story = this.#put(task, { what, method: "taskRegister", send });
    this.#unregistered.set(task.id, story);
    return story;
  }

  #tell(
    task: AnyTask,
    method: "taskStart" | "taskSuspend" | "taskResume" | "taskCancel",
  ): void {
    const send = (): Recorded => this.#registry[method](this.#buildId, task);
    this.#add(task, { what: "state", method, send });
  }

  #tellAssets(task: AnyTask): void {
    const send = async (): Promise<void> => {
      const assets: unknown = await task.registryAssets!();
      if (!Array.isArray(assets)) throw new TypeError("registryAssets gave no array. Return one");
      if (assets.length > 0) await this.#registry.taskUploadAssets(this.#buildId, task, assets);
    };
    this.#add(task, { what: "assets", method: "taskUploadAssets", send });
  }

  #add(task: AnyTask, call: Call): void {
    this.#goOn(this.#put(task, call));
  }

  #put(task: AnyTask, call: Call): Story {
    let story = this.#stories.get(task.id);
    if (story === undefined) {
      story = { task, calls: [], isBusy: false, isLost: false, after: [], waitsFor: 0 };
      this.#stories.set(task.id, story);
    }
    story.calls.push(call);
    this.#open++;
    if (call.what !== "known") this.#backlog++;
    return story;
  }

  /** Has the story wait until all that its task requires is registered. */
  #holdBack(story: Story): void {
    if (this.#unregistered.size === 1) return;
    for (const required of requirementsOf(story.task)) {
      const other = this.#unregistered.get(required.id);
      if (other === undefined || other === story) continue;
      other.after.push(story);
      story.waitsFor++;
    }
  }

  /** Has the story go on when it can and its turn comes. */
  #goOn(story: Story): void {
    if (story.isBusy || story.waitsFor > 0) return;
    story.isBusy = true;
    this.#queue.push(story);
    this.#pump();
  }

  /** Makes the calls that can be made now. Not recursive: what a call lets go on is put in the queue. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#underWay < MAX_CONCURRENT && this.#queueHead < this.#queue.length) {
      const story = this.#queue[this.#queueHead++]!;
      if (this.#queueHead === this.#queue.length) this.#queue.length = this.#queueHead = 0;
      else if (this.#queueHead === MAX_BACKLOG) {
        this.#queue.splice(0, this.#queueHead);
        this.#queueHead = 0;
      }
      story.isBusy = false;
      this.#makeCalls(story);
    }
    this.#isPumping = false;
  }

  /** Makes the next calls of the story, up to one that is not answered at once. */
  #makeCalls(story: Story): void {
    while (!story.isBusy && !this.#isClosed) {
      const call = story.calls.shift();
      if (call === undefined) {
        if (!story.isLost) this.#stories.delete(story.task.id);
        return;
      }
      this.#make(story, call);
    }
  }

  #make(story: Story, call: Call): void {
    let sent: Recorded;
    try {
      sent = story.isLost && !isRegistration(call) ? this.#sendAgain(story, call) : call.send();
    } catch (error) {
      this.#failed(story, call, error);
      return this.#done(story, call);
    }
    if (!isThenable(sent)) return this.#done(story, call);
    story.isBusy = true;
    this.#underWay++;
    sent.then(undefined, (error) => this.#failed(story, call, error)).then(() => {
      story.isBusy = false;
      this.#underWay--;
      this.#done(story, call);
      this.#goOn(story);
      this.#pump();
    });
  }

  /** What a lost registration stands in the way of is preceded by another try. */
  async #sendAgain(story: Story, call: Call): Promise<void> {
    await this.#registry.taskRegister(this.#buildId, story.task);
    story.isLost = false;
    await call.send();
  }

  #done(story: Story, call: Call): void {
    if (isRegistration(call)) {
      this.#unregistered.delete(story.task.id);
      const { after } = story;
      story.after = [];
      for (const other of after) {
        other.waitsFor--;
        this.#goOn(other);
      }
    }
    if (call.what !== "known" && this.#backlog-- === MAX_BACKLOG + 1) this.#options.onRoom();
    if (this.#open > 0 && --this.#open === 0) this.#onIdle?.();
  }

  #failed(story: Story, call: Call, error: unknown): void {
    if (this.#isClosed || this.#isGivenUp) return;
    if (call.what === "assets") return this.#warnOfAssets(story.task, error);
    const failure = wrapped(error, call.method, story.task);
    if (this.#isForgiven(failure)) {
      if (isRegistration(call)) story.isLost = true;
      return this.#warn(failure);
    }
    this.#close();
    this.#options.stop(failure);
  }

  #isForgiven(error: StardagError): boolean {
    return this.#options.onRegistryFailure === "warn" && error instanceof RegistryError &&
      error.isOutage;
  }

  #warn(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.warn(
      `Cannot tell the registry all of what is built: ${
        messageOf(error)
      }. The build goes on without`,
    );
  }

  #warnOfAssets(task: AnyTask, error: unknown): void {
    if (this.#assetWarnings++ >= MOST_ASSET_WARNINGS) return;
    this.#options.warn(`Cannot show the assets of ${task} in the registry: ${messageOf(error)}`);
  }
}

/** Why a build exits early, for people who look at the registry. */
const EXIT_REASON = "All remaining tasks are locked by other builds";

const END_METHODS = {
  exit_early: "buildExitEarly",
  success: "buildComplete",
  failure: "buildFail",
  cancelled: "buildCancel",
} as const satisfies Record<BuildStatus, keyof Registry>;

function isRegistration({ what }: Call): boolean {
  return what === "known" || what === "register";
}

/** What the task requires; nothing where it cannot say: that was told when it was discovered. */
function requirementsOf(task: AnyTask): readonly AnyTask[] {
  try {
    return flattenTaskStruct(task.requires());
  } catch {
    return [];
  }
}

/** The error of a registry that keeps to its contract as it is; of others, one that says where it comes from. */
function wrapped(error: unknown, method: keyof Registry, task?: AnyTask): StardagError {
  if (error instanceof StardagError) return error;
  const what = task === undefined ? method : `${method} of ${task}`;
  return new RegistryError(
    `The registry failed in ${what}: ${
      messageOf(error)
    }. Have it throw a RegistryError, with isOutage for what may pass`,
    { isOutage: false, cause: error },
  );
}
