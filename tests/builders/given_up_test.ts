/**
 * Attempts that nobody waits for any more while their output is being stored: nothing of it is left, or the build says that
 * it is there.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { pattern } from "../../src/testing/content.ts";
import { localOutputs, type OutputRoot, remoteOutputs } from "../support/output_root.ts";
import { type S3Server, startS3Server } from "../support/s3_server.ts";
import { s3At } from "../targets/s3/scene.ts";
import { NOTHING } from "../support/steps.ts";

const PART = 10_000;
const { task } = sd.namespace("stardag.tests.given_up", import.meta.url);

/** Where outputs are, and what can be seen of them. */
interface Place extends AsyncDisposable {
  /** All that is there: files, temporary ones among them, uploads. */
  left(): readonly string[];
}

function place(root: OutputRoot, left: Place["left"], server?: S3Server): Place {
  return {
    left,
    async [Symbol.asyncDispose](): Promise<void> {
      await root[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    },
  };
}

const places: Readonly<Record<string, () => Promise<Place>>> = {
  async "the local disk"() {
    const root = await localOutputs();
    return place(root, () => filesIn(root.uri));
  },
  // deno-lint-ignore require-await -- as the others are
  async "memory"() {
    const files = new sd.InMemoryFileSystem();
    const outputs = sd.inMemoryFileSystemProvider.override(files);
    const factory = new sd.TargetFactory({ targetRoots: { default: "memory://given_up" } });
    const roots = sd.targetFactoryProvider.override(factory);
    return place({
      uri: "memory://given_up/",
      // deno-lint-ignore require-await -- as disposing of others is
      async [Symbol.asyncDispose](): Promise<void> {
        roots[Symbol.dispose]();
        outputs[Symbol.dispose]();
      },
    }, () => [...files.keys()]);
  },
  async "S3"() {
    const server = await startS3Server({ minPartSize: PART });
    return await s3Place(server);
  },
};

async function s3Place(server: S3Server): Promise<Place> {
  const root = await remoteOutputs(s3At(server, { partSize: PART }));
  const { objects, uploads } = server.bucket("bucket");
  return place(root, () => [...objects.keys, ...uploads.keys()], server);
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [name]
  );
}

/** Rows that come to a halt, and what becomes of them. */
class Rows {
  readonly halted = Promise.withResolvers<void>();
  readonly goOn = Promise.withResolvers<void>();
  readonly closed = Promise.withResolvers<void>();

  async *[Symbol.asyncIterator](): AsyncGenerator<{ readonly text: string }> {
    try {
      for (let n = 0; n < 20; n++) yield { text: "x".repeat(PART) };
      this.halted.resolve();
      await this.goOn.promise;
      yield { text: "one more" };
      await new Promise(() => {});
    } finally {
      this.closed.resolve();
    }
  }
}

const row = z.object({ text: z.string() });
const outputs = {
  rows: sd.jsonLines(row),
  "compressed rows": sd.serialized(
    sd.jsonLines(row),
    new sd.GzipSerializer(new sd.StreamingJsonLinesSerializer(row)),
  ),
};

for (const [where, make] of Object.entries(places)) {
  for (const [what, output] of Object.entries(outputs)) {
    Deno.test(`${what} that come when their build has been stopped are not stored, on ${where}`, async () => {
      await using there = await make();
      const rows = new Rows();
      const endless = task({
        name: `stops_${where}_${what}`.replace(/\W/g, "_"),
        output,
        run: () => rows,
      })();
      const controller = new AbortController();
      const building = sd.build(endless, { signal: controller.signal, gracePeriod: 0 });
      await rows.halted.promise;
      controller.abort(new Error("enough"));
      const summary = await building;
      assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, cancelled: 1 });
      assertEquals([summary.warnings, there.left()], [[], []]);
      rows.goOn.resolve();
      await rows.closed.promise;
      assertEquals(there.left(), []);
      assert(!await endless.complete());
    });
  }
}

Deno.test("rows that come when the time of their task is over are not stored; the next attempt is", async () => {
  using time = new FakeTime();
  await using there = await places["the local disk"]!();
  const attempts = [new Rows(), [{ text: "short" }]] as const;
  const patient = task({
    name: "patient",
    output: outputs.rows,
    timeout: 1000,
    retries: { maxAttempts: 2, minTimeout: 0 },
    run: (_, { attempt }) => attempts[attempt - 1]!,
  })();
  const building = sd.build(patient, { outputIndex: false });
  await attempts[0].halted.promise;
  await time.tickAsync(2000);
  const summary = await settled(building, time);
  assertEquals(summary.status, "success");
  assertEquals(summary.warnings, []);
  assertEquals(await Array.fromAsync(await patient.load()), [{ text: "short" }]);
  attempts[0].goOn.resolve();
  await attempts[0].closed.promise;
  assertEquals(there.left().length, 1);
});

Deno.test("rows that come in the grace period are stored", async () => {
  using time = new FakeTime();
  await using _ = await places["the local disk"]!();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  async function* late() {
    yield { text: "early" };
    reach();
    await promise;
    yield { text: "late" };
  }
  const kept = task({ name: "kept", output: outputs.rows, timeout: 1000, run: () => late() })();
  const building = sd.build(kept, { gracePeriod: 5000 });
  await reached;
  await time.tickAsync(5999);
  resolve();
  assertEquals((await settled(building, time)).status, "success");
  assertEquals((await Array.fromAsync(await kept.load())).length, 2);
});

Deno.test("bytes that are being sent when the build has been stopped are not sent to their end", async () => {
  await using server = await startS3Server({ minPartSize: PART });
  await using there = await s3Place(server);
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = ({ operation, query }) => {
    if (operation !== "UploadPart" || query.get("partNumber") !== "3") return undefined;
    controller.abort();
    return { kind: "wait", until: promise };
  };
  const large = task({
    name: "large",
    output: z.instanceof(Uint8Array<ArrayBuffer>),
    run: () => pattern(100 * PART),
  })();
  const { signal } = controller;
  const summary = await sd.build(large, { signal, gracePeriod: 0 });
  resolve();
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, cancelled: 1 });
  assertEquals(there.left(), []);
  assert(server.requests.get("UploadPart")! < 50);
  assert(!server.requests.has("CompleteMultipartUpload"));
});

for (const kind of ["answered late", "done, and not answered"] as const) {
  Deno.test(`an output whose last request is ${kind} when the build has been stopped counts as stored`, async () => {
    await using server = await startS3Server({ minPartSize: PART });
    await using there = await s3Place(server);
    const controller = new AbortController();
    server.fault = ({ operation }) => {
      if (operation !== "CompleteMultipartUpload") return undefined;
      controller.abort();
      return kind === "answered late"
        ? { kind: "wait", until: new Promise((resolve) => setTimeout(resolve, 50)) }
        : { kind: "reset", during: "answer", isDone: true };
    };
    const large = task({
      name: `large_${kind}`.replace(/\W/g, "_"),
      output: z.instanceof(Uint8Array<ArrayBuffer>),
      run: () => pattern(5 * PART),
    })();
    const { signal } = controller;
    const summary = await sd.build(large, { signal, gracePeriod: 0, outputIndex: false });
    assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, succeeded: 1 });
    assertEquals(there.left().length, 1);
    assert(await large.complete());
  });
}

Deno.test("storing that does not end when it is called off is left behind, and cannot write any more", async () => {
  using time = new FakeTime();
  await using there = await places["memory"]!();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const written = Promise.withResolvers<unknown>();
  const deaf: sd.Serializer<number> = {
    extension: "txt",
    async dump(value, target) {
      reach();
      await promise;
      const writing = target.write(`${value}`);
      written.resolve(writing.then(() => undefined, (error) => error));
      await writing;
    },
    load: async (target) => Number(await target.text()),
  };
  const slow = task({ name: "slow", output: sd.serialized(z.number(), deaf), run: () => 1 })();
  const controller = new AbortController();
  const building = sd.build(slow, { signal: controller.signal });
  await reached;
  const reason = new Error("enough");
  controller.abort(reason);
  await time.tickAsync(1000);
  await time.tickAsync(1000);
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, cancelled: 1 });
  assertEquals(summary.warnings.length, 1);
  assertMatch(summary.warnings[0]!, /until the output of .*slow.* was called off: .* 1000 ms/);
  resolve();
  assertEquals(await written.promise, reason);
  assertEquals(there.left(), []);
});

Deno.test("a class calls off what it stores by the signal that it hands on", async () => {
  await using there = await places["memory"]!();
  const stopped = Promise.withResolvers<unknown>();
  class Given extends sd.AutoTask({ name: "Given", output: outputs.rows }) {
    override async run({ signal }: sd.RunContext) {
      await this.save(rows, { signal }).catch(stopped.resolve);
    }
  }
  sd.register(Given);
  const rows = new Rows();
  const controller = new AbortController();
  const building = sd.build(new Given(), { signal: controller.signal });
  await rows.halted.promise;
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await stopped.promise, reason);
  assertEquals((await building).taskCount, { ...NOTHING, discovered: 1, cancelled: 1 });
  assertEquals(there.left(), []);
});

Deno.test("a generator function that yields rows is told to return them", async () => {
  await using _ = await places["memory"]!();
  const rows = task({
    name: "yields_rows",
    output: outputs.rows,
    async *run() {
      yield { text: "a" } as never;
      return [];
    },
  });
  const { error } = await sd.build(rows());
  assertInstanceOf(error, sd.TaskFailedError);
  assertStringIncludes(error.message, "Cannot wait for");
  assertStringIncludes(error.message, "have it return what yields that");
});

/** What the promise gives, for which files are waited for, and what is due by now, but no time passes. */
async function settled<T>(promise: Promise<T>, time: FakeTime): Promise<T> {
  let isSettled = false;
  const marked = promise.finally(() => isSettled = true);
  marked.catch(() => {});
  while (!isSettled) {
    await time.tickAsync(0);
    await Deno.stat("."); // a turn of the real event loop
  }
  return await marked;
}
