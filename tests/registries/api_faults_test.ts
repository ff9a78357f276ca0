/**
 * A build of which a service is told that has a bad day: whatever goes wrong there, each task runs once, what is told of a
 * task is told in order, and the build says what came of it.
 */

import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import * as sd from "../../mod.ts";
import { ApiRegistry } from "../../src/registries/api_registry.ts";
import { until } from "../support/over_http.ts";
import {
  type Fault,
  FAULTS,
  type ReceivedRequest,
  RegistryService,
} from "../support/registry_service.ts";
import { Steps } from "../support/steps.ts";

/** How long the service is waited for, in milliseconds. */
const TIMEOUT = 1000;
/** What is told of a task, at most. */
const STORY = ["register", "start", "suspend", "resume", "complete"];

/** A build, and the service that it tells. */
class BadDay {
  readonly service: RegistryService;
  readonly steps = new Steps();
  /** What happens when half of the tasks have run. */
  middle: () => void | Promise<void> = () => {};
  /** How long the build took, in milliseconds. */
  duration = 0;

  constructor(service: RegistryService) {
    this.service = service;
  }

  /** Four tasks, one that requires them, and one that yields four others. */
  async build(onRegistryFailure: sd.OnRegistryFailure): Promise<sd.BuildSummary> {
    const { steps, service } = this;
    const four = (name: string): sd.AnyTask[] => [0, 1, 2, 3].map((i) => steps.step(`${name}${i}`));
    const [first, second] = [four("first"), four("second")];
    const middle = steps.step("middle", {
      requires: () => first,
      run: () => Promise.resolve(this.middle()),
    });
    const root = steps.step("root", {
      requires: () => middle,
      *run() {
        yield second;
      },
    });
    await using registry = new ApiRegistry({ ...service.options, timeout: TIMEOUT });
    using time = new FakeTime();
    try {
      return await until(time, sd.build(root, { registry, onRegistryFailure }));
    } finally {
      this.duration = Date.now() - time.start;
    }
  }

  /** The tasks of the build in the service, by status. */
  statuses(buildId: string): Readonly<Record<string, number>> {
    const tasks = this.service.registry.tasks(buildId);
    return Object.fromEntries(
      Map.groupBy(tasks, ({ status }) => status).entries().map(([status, { length }]) => [
        status,
        length,
      ]),
    );
  }
}

/** What came of a build. */
interface Outcome {
  /** What the warning says; there is none unless told. */
  readonly warns?: RegExp;
  /** What the error says with `"raise"`; there is none unless told. */
  readonly raises?: RegExp;
  /** The kind of error with `"warn"`, too; there is none unless told. */
  readonly refuses?: new (...args: never[]) => Error;
  /** The tasks in the service by status; all ten are completed unless told, `null` when that is left to chance. */
  readonly statuses?: Readonly<Record<string, number>> | null;
  /** More to be seen after the build. */
  readonly see?: (day: BadDay) => void;
}

function badDay(name: string, arrange: (day: BadDay) => unknown, outcome: Outcome): void {
  const { warns, raises, refuses, statuses = { completed: 10 }, see = () => {} } = outcome;
  for (const mode of ["warn", "raise"] as const) {
    Deno.test(`a build, with "${mode}", tells a service that ${name}`, async () => {
      await using service = await RegistryService.start();
      const day = new BadDay(service);
      await arrange(day);
      const [result] = await Promise.allSettled([day.build(mode)]);
      const { ran } = day.steps;
      assertEquals(ran.length, new Set(ran).size);
      assertInOrder(service.requests);
      if (refuses !== undefined || mode === "raise" && raises !== undefined) {
        assert(result.status === "rejected", "it did not fail");
        assertInstanceOf(result.reason, refuses ?? sd.RegistryError);
        if (raises !== undefined) assertMatch(result.reason.message, raises);
      } else {
        assert(result.status === "fulfilled", String((result as PromiseRejectedResult).reason));
        const { status, warnings, buildId } = result.value;
        assertEquals([status, ran.length], ["success", 10]);
        assertEquals(warnings.length, warns === undefined ? 0 : 1, warnings.join("\n"));
        if (warns !== undefined) assertMatch(warnings[0]!, warns);
        if (buildId !== sd.NIL_BUILD_ID && statuses !== null) {
          assertEquals(day.statuses(buildId), statuses);
        }
      }
      see(day);
    });
  }
}

/** What came of each task is in order; the same may come again at once. */
function assertInOrder(requests: readonly ReceivedRequest[]): void {
  const stories: Record<string, string[]> = {};
  for (const request of requests) {
    const { id, step } = told(request);
    const story = stories[id] ??= [];
    if (story.at(-1) !== step) story.push(step);
  }
  delete stories[""];
  for (const story of Object.values(stories)) {
    assertEquals(story, STORY.filter((step) => story.includes(step)));
  }
}

/** What a request tells of which task; of the build where the id is empty. */
function told({ path, body }: ReceivedRequest): { readonly id: string; readonly step: string } {
  const [, , , , , tasks, id = "", step = ""] = path.split("/");
  if (tasks !== "tasks") return { id: "", step: path.split("/").at(-1)! };
  return id === "" ? { id: (body as { task_id: string }).task_id, step: "register" } : { id, step };
}

/** The fault for the first request that tells this of a task, or of the build. */
function once(wanted: string, of: "task" | "build", fault: Fault) {
  let isOver = false;
  return (request: ReceivedRequest): Fault | undefined => {
    const { id, step } = told(request);
    if (isOver || step !== wanted || (id === "") !== (of === "build")) return undefined;
    isOver = true;
    return fault;
  };
}

badDay("is down before it begins", ({ service }) => service.down(), {
  warns: /Cannot begin a build: .* cannot be reached .*The build goes on without$/s,
  raises: /^Cannot begin a build: .* cannot be reached/,
  see: ({ service }) => assertEquals(service.requests, []),
});

badDay("goes down in the middle", (day) => day.middle = () => day.service.down(), {
  warns: /Cannot .* the task .* cannot be reached/,
  raises: /^Cannot .* the task .* cannot be reached/,
  statuses: null,
});

badDay("goes down before the end", (day) => {
  day.service.fault = (request) =>
    told(request).id === "" && told(request).step === "complete" ? FAULTS.drop : undefined;
}, {
  warns: /Cannot record that the build .* is complete: .* cannot be reached/,
  raises: /^Cannot record that the build .* is complete: .* cannot be reached/,
});

badDay("is restarted in the middle", (day) => {
  day.middle = async () => {
    await day.service.down();
    setTimeout(() => day.service.up(), 1500);
  };
}, { see: ({ duration }) => assert(duration >= 1500, `${duration} ms`) });

badDay("does not answer any more", ({ service }) => {
  service.fault = ({ path }) =>
    path.includes("/tasks") ? { kind: "wait", until: new Promise(() => {}) } : undefined;
}, {
  warns: /has not answered within 1000 ms/,
  raises: /has not answered within 1000 ms/,
  statuses: {},
  see: ({ duration }) => assert(duration < 3 * TIMEOUT, `${duration} ms`),
});

for (const step of STORY.slice(1)) {
  badDay(
    `is out of order when it is told to ${step} a task`,
    ({ service }) => service.fault = once(step, "task", FAULTS.outOfOrder),
    {
      warns: /Cannot record that the task .* answers 500 "Internal Server Error"/,
      raises: /^Cannot record that the task .* answers 500 "Internal Server Error"/,
      // What comes after it makes up for all but the last.
      ...step === "complete" && { statuses: { completed: 9, running: 1 } },
    },
  );
}

badDay("is out of order once when it is told to register a task", ({ service }) => {
  service.fault = once("register", "task", FAULTS.outOfOrder);
}, {});

for (const [step, says] of [["builds", "begin a build"], ["complete", "is complete"]] as const) {
  badDay(
    `is out of order when it is told the ${step === "builds" ? "start" : "end"} of the build`,
    ({ service }) => service.fault = once(step, "build", FAULTS.outOfOrder),
    {
      warns: new RegExp(`${says}: .* answers 500`),
      raises: new RegExp(`${says}: .* answers 500`),
    },
  );
}

badDay("drops connections, with what it was told and without", ({ service }) => {
  service.fault = ({ number }) =>
    number % 3 === 0 ? { kind: "drop", isDone: number % 2 === 0 } : undefined;
}, {
  see: ({ service }) => assertEquals(service.registry.builds().length, 1),
});

badDay("wants to be left alone for a while", ({ service }) => {
  const seen = new Set<string>();
  service.fault = ({ path, text }) => {
    if (seen.has(path + text)) return undefined;
    seen.add(path + text);
    return FAULTS.tooMany;
  };
}, {
  // Nobody has to wait for a service without a word.
  warns: /^The tasks are done, but the registry has not been told all of it yet$/,
  see({ service, duration }) {
    assertEquals(service.requests.length, 2 * (1 + 10 * 3 + 2 + 1));
    assert(duration >= 2000, `${duration} ms`);
  },
});

badDay("does not know the key any more", (day) => {
  const refusal = { kind: "answer", status: 401, body: { detail: "Invalid API key" } } as const;
  day.middle = () => {
    day.service.fault = () => refusal;
  };
}, {
  refuses: sd.InvalidApiKeyError,
  raises: /answers 401 "Invalid API key"\. Check the key/,
});
