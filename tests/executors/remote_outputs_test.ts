/**
 * Tasks in workers whose outputs or inputs are in remote stores.
 */

import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import * as sd from "../../mod.ts";
import { HybridConcurrentTaskExecutor } from "../../src/executors/hybrid.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { s3FileSystemProvider } from "../../src/targets/s3/provider.ts";
import { type S3Server, startS3Server } from "../support/s3_server.ts";
import { failureOf, inWorkers, KINDS, temporaryRoot } from "./in_workers.ts";
import { pid, total } from "./sandbox_tasks.ts";
import { Elsewhere, sum, value } from "./worker_tasks.ts";

/** Stores given in code, each with what puts the outputs of tasks there until it is disposed. */
const GIVEN: Readonly<Record<string, (files: MemoryRemoteFileSystem) => Disposable>> = {
  "a factory": (files) =>
    sd.targetFactoryProvider.override(
      new sd.TargetFactory({
        targetRoots: { default: "s3://bucket/prefix", other: "/nowhere" },
        fileSystems: { "s3://": files },
      }),
    ),
  "a factory by prefix": (files) =>
    sd.targetFactoryProvider.override(
      new sd.TargetFactory({
        targetRoots: { default: "gs://bucket/prefix", other: "/nowhere" },
        fileSystems: { "gs://": files },
      }),
    ),
  "the provider of S3": (files) => {
    const overrides = new DisposableStack();
    overrides.use(s3FileSystemProvider.override(files));
    const targetRoots = { default: "s3://bucket/prefix", other: "/nowhere" };
    overrides.use(sd.targetFactoryProvider.override(new sd.TargetFactory({ targetRoots })));
    return overrides;
  },
};

for (const kind of KINDS) {
  for (const [how, give] of Object.entries(GIVEN)) {
    Deno.test(`${kind}: what is in a store that only the program has is refused, given by ${how}`, async () => {
      const files = new MemoryRemoteFileSystem();
      using _ = give(files);
      await using executor = inWorkers(kind);
      const input = value({ n: 1 });
      await input.output().save(1);
      for (const task of [value({ n: 2 }), new Elsewhere({ input })]) {
        const { error } = await failureOf(executor, task);
        assertInstanceOf(error, sd.ConfigError);
        assertStringIncludes(error.message, "://bucket/prefix/stardag/tests/workers/value/");
        assertStringIncludes(error.message, 'executionMode "async"');
      }
      assertEquals((await Array.fromAsync(files.list(""))).length, 1);
    });
  }
}

for (const kind of KINDS) {
  Deno.test(`${kind}: what is in S3 as variables say is where the program looks for it`, async () => {
    await using server = await startS3Server();
    using _variables = variablesOf(server);
    using _ = configuredS3();
    await using executor = inWorkers(kind);
    const task = sum({ of: [value({ n: 1 }), value({ n: 2 })], big: 3n });
    (await sd.build(task, { executor })).throwIfFailed();
    assertEquals(await task.load(), "3 3");
    assertEquals((await sd.build(task, { executor })).taskCount.succeeded, 0);
  });
}

Deno.test("a task with permissions has neither output nor inputs in a remote store", async () => {
  await using executor = new HybridConcurrentTaskExecutor();
  const input = pid({ n: 1 });
  for (const give of [...Object.values(GIVEN), configuredS3]) {
    using _ = give(new MemoryRemoteFileSystem());
    const { error } = await failureOf(executor, input);
    assertInstanceOf(error, sd.ConfigError);
    assertStringIncludes(error.message, input.output().uri);
    assertStringIncludes(error.message, "targetRootKey");
  }
  await using root = await temporaryRoot();
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({
      targetRoots: { default: root.path },
      prefixToTargetPrototype: {
        [`${root.path}/stardag/tests/sandbox/pid`]: (path) =>
          new sd.RemoteTarget(path, new MemoryRemoteFileSystem()),
      },
    }),
  );
  const { error } = await failureOf(executor, total({ of: [input] }));
  assertInstanceOf(error, sd.ConfigError);
  assertStringIncludes(error.message, input.output().uri);
});

function configuredS3(): Disposable {
  const targetRoots = { default: "s3://bucket/prefix" };
  return sd.targetFactoryProvider.override(new sd.TargetFactory({ targetRoots }));
}

/** Has the variables say where the server is. */
function variablesOf({ url, region, credentials }: S3Server): Disposable {
  const variables = {
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  s3FileSystemProvider.set(undefined);
  return {
    [Symbol.dispose](): void {
      for (const name of Object.keys(variables)) Deno.env.delete(name);
      s3FileSystemProvider.set(undefined);
    },
  };
}
