/**
 * Traces of builds, where OpenTelemetry is on: a span for the build, below it one for each attempt at a task. Unaware of
 * how a build goes, and of where spans are sent.
 *
 * @module
 */

import type { Attributes, Context, Span } from "@opentelemetry/api";
import { messageOf, MissingOutputError, TaskTimeoutError } from "../errors.ts";
import type { TaskExecutor, TaskOutcome } from "../executors/executor.ts";
import { NIL_BUILD_ID } from "../registries/registry.ts";
import { isThenable } from "../thenable.ts";
import { TaskContext } from "../tasks/run_context.ts";
import type { AnyTask, RunContext } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { BuildSummary } from "./summary.ts";

/**
 * Runs a build with the executor, traced where OpenTelemetry is on: with `OTEL_DENO=true`, or after the program has
 * registered an SDK. Else nothing is loaded, and the executor is used as it is.
 *
 * The span of the build is below the one that is active; what tasks do, their requests for example, is below their own.
 */
export async function withTelemetry(
  executor: TaskExecutor,
  build: (executor: TaskExecutor) => Promise<BuildSummary>,
): Promise<BuildSummary> {
  if (!isTelemetryOn()) return await build(executor);
  const api = await import("@opentelemetry/api");
  const span = api.trace.getTracer(NAME).startSpan("stardag.build");
  const within = api.trace.setSpan(api.context.active(), span);
  const traced = new TracedExecutor(api, executor, within);
  try {
    const summary = await api.context.with(within, () => build(traced));
    span.setAttributes(attributesOf(summary));
    if (summary.error !== undefined) {
      span.setStatus({ code: api.SpanStatusCode.ERROR, message: summary.error.message });
    }
    return summary;
  } catch (error) {
    hasFailed(api, span, error);
    throw error;
  } finally {
    traced.endAll();
    span.end();
  }
}

type Api = typeof import("@opentelemetry/api");

/** Who makes the spans. */
const NAME = "@stardag/core";

/** Where the first version of OpenTelemetry's API keeps what is registered: to look there needs no permission. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

function isTelemetryOn(): boolean {
  const registered = (globalThis as { readonly [REGISTERED]?: { readonly trace?: unknown } })[
    REGISTERED
  ];
  return registered?.trace !== undefined;
}

/** An attempt at a task that has not ended: it runs, or is suspended. */
interface Attempt {
  readonly task: AnyTask;
  readonly context: RunContext;
  readonly span: Span;
  /** What runs in it is below the span. */
  readonly within: Context;
}

/** Hands tasks on to another executor, each attempt inside a span of its own. */
class TracedExecutor implements TaskExecutor {
  readonly #api: Api;
  readonly #inner: TaskExecutor;
  /** Where the span of the build is the active one. */
  readonly #within: Context;
  /** By id of the task. */
  readonly #attempts = new Map<string, Attempt>();

  constructor(api: Api, inner: TaskExecutor, within: Context) {
    this.#api = api;
    this.#inner = inner;
    this.#within = within;
  }

  get maxConcurrent(): number {
    return this.#inner.maxConcurrent;
  }

  submit(task: AnyTask, context: RunContext): TaskOutcome | Promise<TaskOutcome> {
    const attempt = this.#taken(task, context);
    const ended = (outcome: TaskOutcome): TaskOutcome => {
      this.#take(attempt, outcome);
      return outcome;
    };
    const outcome = this.#api.context.with(
      attempt.within,
      () => this.#inner.submit(task, context),
    );
    return isThenable(outcome) ? outcome.then(ended) : ended(outcome);
  }

  async discard(task: AnyTask, context: RunContext): Promise<void> {
    const last = this.#attempts.get(task.id);
    // An abandoned attempt has no span any more.
    const attempt = last?.context === context ? last : undefined;
    const within = attempt?.within ?? this.#within;
    await this.#api.context.with(within, () => this.#inner.discard?.(task, context));
    if (attempt !== undefined) this.#end(attempt, "cancelled");
  }

  /** Ends the spans of attempts that the build did not wait for. */
  endAll(): void {
    for (const attempt of this.#attempts.values()) this.#abandon(attempt);
  }

  /** The attempt that goes on, or a new one: each has a context of its own. */
  #taken(task: AnyTask, context: RunContext): Attempt {
    const last = this.#attempts.get(task.id);
    if (last?.context === context) {
      last.span.addEvent("resumed");
      return last;
    }
    if (last !== undefined) this.#abandon(last);
    const span = this.#api.trace.getTracer(NAME).startSpan(
      taskTypeOf(task).id,
      {
        attributes: {
          "stardag.task.id": task.id,
          "stardag.task.type": taskTypeOf(task).id,
          "stardag.task.attempt": context.attempt,
        },
      },
      this.#within,
    );
    const within = this.#api.trace.setSpan(this.#within, span);
    const attempt = { task, context, span, within };
    this.#attempts.set(task.id, attempt);
    return attempt;
  }

  #take(attempt: Attempt, outcome: TaskOutcome): void {
    // Nobody waits any more for what an abandoned attempt gives.
    if (this.#attempts.get(attempt.task.id) !== attempt) return;
    const { isGivenUp, reason } = TaskContext.of(attempt.context);
    if (
      outcome.kind !== "failed" &&
      (isGivenUp || (outcome.kind === "suspended" && reason instanceof TaskTimeoutError))
    ) {
      return this.#abandon(attempt);
    }
    switch (outcome.kind) {
      case "complete":
        return this.#end(attempt, "complete");
      case "suspended":
        attempt.span.addEvent("suspended", { "stardag.task.yielded": outcome.requires.length });
        return;
      case "failed":
        if (wasStopped(attempt, outcome.error)) return this.#end(attempt, "cancelled");
        hasFailed(this.#api, attempt.span, outcome.error);
        return this.#end(attempt, "failed");
    }
  }

  /** The attempt goes on though it was asked to stop: it had no time left, or the build has none. */
  #abandon(attempt: Attempt): void {
    const { reason } = attempt.context.signal;
    this.#take(attempt, { kind: "failed", error: reason });
  }

  #end({ task, span }: Attempt, state: "complete" | "failed" | "cancelled"): void {
    this.#attempts.delete(task.id);
    span.setAttribute("stardag.task.state", state);
    span.end();
  }
}

/** Whether the task ended because the build asked it to, and so has not failed. */
function wasStopped({ context }: Attempt, error: unknown): boolean {
  const { mayHaveStopped, reason } = TaskContext.of(context);
  return reason !== undefined && !(reason instanceof TaskTimeoutError) &&
    (mayHaveStopped || error instanceof MissingOutputError);
}

function hasFailed({ SpanStatusCode }: Api, span: Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : messageOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
}

function attributesOf({ buildId, status, taskCount }: BuildSummary): Attributes {
  const counts = Object.entries(taskCount).map(([name, count]) => [
    `stardag.build.tasks.${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
    count,
  ]);
  return {
    ...(buildId === NIL_BUILD_ID ? {} : { "stardag.build.id": buildId }),
    "stardag.build.status": status,
    ...Object.fromEntries(counts),
  };
}
