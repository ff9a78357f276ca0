/**
 * Tells a registry what happens in a build: in order per task, a task after those that it requires, many at once, and
 * never in the way of the build. The one place that knows which failures of a registry count. Unaware of how the
 * registry is reached.
 *
 * @module
 */

import { messageOf, RegistryError } from "../errors.ts";
import { isThenable } from "../thenable.ts";
import { NIL_BUILD_ID, type Recorded, type Registry } from "../registries/registry.ts";
import type { AnyTask } from "../tasks/task.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { Reporter, TaskEvent } from "./reporter.ts";
import type { BuildSummary } from "./summary.ts";

/**
 * What to do when a registry cannot be reached: go on, with a warning, or stop the build. One that refuses always stops
 * it.
 */
export type OnRegistryFailure = "warn" | "raise";

/** What a recorder needs besides the registry. */
export interface RecorderOptions {
  readonly onRegistryFailure: OnRegistryFailure;
  /** Told once that something could not be recorded. */
  warn(message: string): void;
  /** Told once that the build cannot go on. */
  stop(error: unknown): void;
  /** Told that there is room again. */
  onRoom(): void;
}

/** How many calls may be under way at once. */
const MAX_CONCURRENT = 32;
/** With so many calls waiting, the build waits, too. */
const MAX_BACKLOG = 1000;

/** What is still to be told of a task. */
interface Story {
  readonly task: AnyTask;
  readonly calls: Call[];
  /** A call is under way, or it waits for what the task requires to be registered. */
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
  send(): Recorded;
}

/** Records one build. */
export class Recorder implements Reporter {
  #buildId = NIL_BUILD_ID;
  readonly #registry: Registry;
  readonly #options: RecorderOptions;
  /** By id of the task; only those of which something is still to be told, or got lost. */
  readonly #stories = new Map<string, Story>();
  /** Those whose registration is not yet acknowledged, by id. */
  readonly #unregistered = new Map<string, Story>();
  /** Those that could go on if fewer calls were under way. */
  readonly #queue: Story[] = [];
  #queueHead = 0;
  #underWay = 0;
  /** How many calls are not yet answered; and of these, those that the build makes while it goes on. */
  #open = 0;
  #backlog = 0;
  #hasWarned = false;
  /** Whether the registry knows of the build. */
  #hasBegun = false;
  /** Nothing is told before the build has begun, nor after the registry has refused or was given up. */
  #isClosed = true;
  #onIdle: (() => void) | undefined;

  constructor(registry: Registry, options: RecorderOptions) {
    this.#registry = registry;
    this.#options = options;
  }

  /** Id of the build, once it has begun. */
  get buildId(): string {
    return this.#buildId;
  }

  /** Whether so much is still to be told that nothing should be added. */
  get isFull(): boolean {
    return this.#backlog > MAX_BACKLOG;
  }

  /** Begins the build. Rejects when the registry refuses, and with `"raise"` when it cannot be reached. */
  async start(roots: readonly AnyTask[], description: string | undefined): Promise<void> {
    try {
      this.#buildId = await this.#registry.buildStart(roots, { description });
      this.#hasBegun = true;
      this.#isClosed = false;
    } catch (error) {
      if (!this.#isForgiven(error)) throw error;
      this.#warn(error);
    }
  }

  onTaskEvent(event: TaskEvent): void {
    if (this.#isClosed) return;
    const registry = this.#registry;
    const buildId = this.#buildId;
    const { task } = event;
    switch (event.kind) {
      case "previously_completed":
        return this.#register(task, "known");
      case "started":
        if (event.attempt === 1) this.#register(task, "register");
        return this.#tell(task, "state", () => registry.taskStart(buildId, task));
      case "suspended":
        return this.#tell(task, "state", () => registry.taskSuspend(buildId, task));
      case "resumed":
        return this.#tell(task, "state", () => registry.taskResume(buildId, task));
      case "completed":
        this.#tell(task, "state", () => registry.taskComplete(buildId, task));
        if (task.registryAssets !== undefined) {
          this.#tell(task, "assets", () => this.#uploadAssets(task));
        }
        return;
      case "failed": {
        if (event.attempt === 0) this.#register(task, "register");
        const message = messageOf(event.error.cause);
        return this.#tell(task, "state", () => registry.taskFail(buildId, task, message));
      }
      case "cancelled":
        return this.#tell(task, "state", () => registry.taskCancel(buildId, task));
      case "skipped":
        // What never began, a registry does not know.
        if (event.attempt === 0) return;
        return this.#tell(task, "state", () => registry.taskCancel(buildId, task));
      case "retrying":
        // The service has no call for it: the next attempt is told as another start.
        return;
      default:
        event satisfies never;
    }
  }

  /** Tells what is left, and how the build ended. Rejects as `start` does. */
  async end(summary: BuildSummary): Promise<void> {
    await this.#idle();
    const { status, error } = summary;
    await this.#endWith(() => {
      switch (status) {
        case "success":
          return this.#registry.buildComplete(this.#buildId);
        case "failure":
          return this.#registry.buildFail(this.#buildId, messageOf(error?.cause ?? error));
        case "cancelled":
          return this.#registry.buildCancel(this.#buildId);
        default:
          return status satisfies never;
      }
    });
  }

  /** Tells that the build broke down. */
  async fail(error: unknown): Promise<void> {
    this.#isClosed = true;
    if (!this.#hasBegun) return;
    try {
      await this.#registry.buildFail(this.#buildId, messageOf(error));
    } catch {
      // The error that is told is the one that came first.
    }
  }

  /** Gives up what is not yet told. */
  close(): void {
    if (!this.#isClosed && this.#open > 0) {
      this.#options.warn("The registry was not told all of what was built: it took too long");
    }
    this.#isClosed = true;
    this.#onIdle?.();
  }

  async #endWith(send: () => Recorded): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await send();
    } catch (error) {
      if (!this.#isForgiven(error)) throw error;
      this.#warn(error);
    }
  }

  #idle(): Promise<void> {
    if (this.#isClosed || this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle = resolve);
  }

  #register(task: AnyTask, what: "known" | "register"): void {
    this.#tell(task, what, () => this.#registry.taskRegister(this.#buildId, task));
  }

  async #uploadAssets(task: AnyTask): Promise<void> {
    const assets = await task.registryAssets!();
    if (assets.length > 0) await this.#registry.taskUploadAssets(this.#buildId, task, assets);
  }

  #tell(task: AnyTask, what: Call["what"], send: () => Recorded): void {
    let story = this.#stories.get(task.id);
    if (story === undefined) {
      story = { task, calls: [], isBusy: false, isLost: false, after: [], waitsFor: 0 };
      this.#stories.set(task.id, story);
    }
    story.calls.push({ what, send });
    if (isRegistration(what)) {
      this.#unregistered.set(task.id, story);
      this.#holdBack(story);
    }
    this.#open++;
    if (what !== "known") this.#backlog++;
    this.#goOn(story);
  }

  /** Has the story wait until all that its task requires is registered. */
  #holdBack(story: Story): void {
    if (this.#unregistered.size === 1) return;
    for (const required of flattenTaskStruct(story.task.requires())) {
      const other = this.#unregistered.get(required.id);
      if (other === undefined || other === story) continue;
      other.after.push(story);
      story.waitsFor++;
    }
  }

  /** Makes the calls of the story that can be made now. */
  #goOn(story: Story): void {
    while (!story.isBusy && story.waitsFor === 0 && !this.#isClosed) {
      const call = story.calls[0];
      if (call === undefined) {
        if (!story.isLost) this.#stories.delete(story.task.id);
        return;
      }
      if (this.#underWay >= MAX_CONCURRENT) {
        story.isBusy = true;
        this.#queue.push(story);
        return;
      }
      story.calls.shift();
      this.#make(story, call);
    }
  }

  #make(story: Story, call: Call): void {
    let sent: Recorded;
    try {
      sent = story.isLost && !isRegistration(call.what)
        ? this.#sendAgain(story, call)
        : call.send();
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
      this.#takeFromQueue();
    });
  }

  /** What a lost registration stands in the way of is preceded by another try. */
  async #sendAgain(story: Story, call: Call): Promise<void> {
    await this.#registry.taskRegister(this.#buildId, story.task);
    story.isLost = false;
    await call.send();
  }

  #takeFromQueue(): void {
    while (this.#underWay < MAX_CONCURRENT && this.#queueHead < this.#queue.length) {
      const story = this.#queue[this.#queueHead++]!;
      story.isBusy = false;
      this.#goOn(story);
    }
    if (this.#queueHead === this.#queue.length) {
      this.#queue.length = 0;
      this.#queueHead = 0;
    }
  }

  #done(story: Story, { what }: Call): void {
    if (isRegistration(what)) {
      this.#unregistered.delete(story.task.id);
      const { after } = story;
      story.after = [];
      for (const other of after) {
        other.waitsFor--;
        this.#goOn(other);
      }
    }
    if (what !== "known" && this.#backlog-- === MAX_BACKLOG + 1) this.#options.onRoom();
    if (--this.#open === 0) this.#onIdle?.();
  }

  #failed(story: Story, { what }: Call, error: unknown): void {
    if (this.#isClosed) return;
    if (what === "assets") {
      this.#options.warn(
        `Cannot show the assets of ${story.task} in the registry: ${messageOf(error)}`,
      );
    } else if (this.#isForgiven(error)) {
      if (isRegistration(what)) story.isLost = true;
      this.#warn(error);
    } else {
      this.#isClosed = true;
      this.#onIdle?.();
      this.#options.stop(error);
    }
  }

  #isForgiven(error: unknown): boolean {
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
}

function isRegistration(what: Call["what"]): boolean {
  return what === "known" || what === "register";
}
