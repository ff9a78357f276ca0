/** What must hold of files in S3 whichever server they are in, as tests. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import * as sd from "../../../mod.ts";
import { S3FileSystem } from "../../../src/targets/s3/file_system.ts";
import { pattern, streamOf } from "../../../src/testing/content.ts";
import { remoteFileSystemContract } from "../../../src/testing/remote_contract.ts";
import { REMOTE_EXTRAS } from "../../../src/testing/remote_place.ts";
import type { S3Place } from "../../support/s3_client.ts";

/** A server, with a bucket called {@linkcode S3_BUCKET}. */
export type S3Site = S3Place & AsyncDisposable;

export const S3_BUCKET = "bucket";

const MIB = 1024 * 1024;

const square = sd.task({
  name: "s3_suite_square",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n * n,
});

const total = sd.task({
  name: "s3_suite_total",
  params: { parts: z.array(sd.depends(z.int())) },
  output: z.int(),
  run: ({ parts }) => parts.reduce((sum, part) => sum + part, 0),
});

/** What one test has at hand: a server, and a prefix below which there is nothing yet. */
interface Scene {
  readonly site: S3Place;
  readonly fileSystem: S3FileSystem;
  uri(name: string): string;
}

function sceneAt(site: S3Place): Scene {
  const prefix = `s3://${S3_BUCKET}/${crypto.randomUUID()}/`;
  return { site, fileSystem: fileSystemAt(site), uri: (name) => prefix + name };
}

function fileSystemAt({ url, region, credentials }: S3Place): S3FileSystem {
  return new S3FileSystem({ endpoint: url, region, credentials });
}

/** Registers the tests. `find` gives a server for each of them. */
export function s3Suite(name: string, find: () => Promise<S3Site>): void {
  const test = (fact: string, prove: (scene: Scene) => Promise<void>): void =>
    Deno.test(`${name} ${fact}`, async () => {
      await using site = await find();
      await prove(sceneAt(site));
    });

  remoteFileSystemContract(name, async () => {
    const site = await find();
    return { ...sceneAt(site), [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
  }, { extras: REMOTE_EXTRAS });

  test("lets one of 16 win that write at once, in 30 rounds", async ({ fileSystem, uri }) => {
    let version: string | undefined;
    for (let round = 0; round < 30; round++) {
      const writers = Array.from(
        { length: 16 },
        (_, i) => new TextEncoder().encode(`${round} ${i}`),
      );
      const versions = await Promise.all(
        writers.map((content) => fileSystem.conditional.write(uri("lock"), content, version)),
      );
      const winners = versions.flatMap((version, i) => version === undefined ? [] : [i]);
      assertEquals(winners.length, 1, `in round ${round} so many have won`);
      const read = await fileSystem.conditional.read(uri("lock"));
      assertEquals(read?.content, writers[winners[0] ?? -1]);
      version = read?.version;
    }
  });

  test("keeps the bytes of a large file in their order", async ({ fileSystem, uri }) => {
    const content = pattern(23 * MIB + 7);
    const chunks = Array.from({ length: 24 }, (_, i) => content.subarray(i * MIB, (i + 1) * MIB));
    await fileSystem.write(uri("streamed"), streamOf(chunks));
    await fileSystem.write(uri("blob"), new Blob([content]));
    const expected = await sha256(content);
    for (const kind of ["streamed", "blob"]) {
      const read = await new Response(fileSystem.readable(uri(kind))).bytes();
      assertEquals([read.length, await sha256(read)], [content.length, expected], kind);
    }
    const [start, end] = [8 * MIB - 5, 16 * MIB + 5];
    const part = await new Response(fileSystem.readable(uri("streamed"), { start, end })).bytes();
    assertEquals(await sha256(part), await sha256(content.subarray(start, end)));
  });

  test("says whose fault it is when the secret is wrong", async ({ site, uri }) => {
    const credentials = { ...site.credentials, secretAccessKey: "wrong" };
    const { url, region } = site;
    const stranger = fileSystemAt({ url, region, credentials });
    const calls: readonly (() => Promise<unknown>)[] = [
      () => stranger.exists(uri("x")),
      () => stranger.existsMany([uri("x"), uri("y")]),
      () => stranger.write(uri("x"), "content"),
      () => new Response(stranger.readable(uri("x"))).text(),
      () => Array.fromAsync(stranger.list(uri(""))),
    ];
    for (const call of calls) {
      const { message } = await assertRejects(call, sd.TargetError);
      for (const part of [S3_BUCKET, url, "AWS_SECRET_ACCESS_KEY"]) {
        assertStringIncludes(message, part);
      }
    }
    assert(!await fileSystemAt(site).exists(uri("x")));
  });

  test("says which bucket is not there", async ({ fileSystem }) => {
    const { message } = await assertRejects(
      () => fileSystem.write("s3://no-such-bucket/x", "content"),
      sd.TargetError,
    );
    assertStringIncludes(message, "NoSuchBucket");
    assertStringIncludes(message, "no-such-bucket");
  });

  test("holds the outputs of a build, of which nothing is left to do", async ({ site, uri }) => {
    const parts = Array.from({ length: 199 }, (_, n) => square({ n }));
    const build = async (): Promise<sd.BuildSummary> => {
      using _ = rootAt(uri("outputs"), fileSystemAt(site));
      return await sd.build([total({ parts })]);
    };
    const first = await build();
    assertEquals([first.status, first.taskCount.succeeded], ["success", 200]);
    const second = await build();
    assertEquals([second.status, second.taskCount.succeeded], ["success", 0]);
  });

  test("holds locks, each of which one of many gets", async ({ fileSystem, uri }) => {
    using _ = rootAt(uri("outputs"), fileSystem);
    const managers = Array.from({ length: 8 }, () => new sd.FileLockManager({ clockSkew: 0 }));
    const id = crypto.randomUUID();
    for (let round = 0; round < 6; round++) {
      if (round % 2 === 1) {
        // Left by a dead owner.
        const state = { expiry: Date.now() - 1, owner: "dead", token: crypto.randomUUID() };
        await fileSystem.write(uri(`outputs/.stardag/locks/${id}.lock`), JSON.stringify(state));
      }
      const acquisitions = await Promise.all(managers.map((manager) => manager.acquire(id)));
      const locks = acquisitions.flatMap((acquisition) =>
        acquisition.status === "acquired" ? [acquisition.lock] : []
      );
      assertEquals(locks.length, 1, `in round ${round} so many have it`);
      await locks[0]?.release();
    }
  });
}

/** Has outputs and locks kept below a root. */
function rootAt(root: string, fileSystem: S3FileSystem): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: root }, fileSystems: { "s3://": fileSystem } }),
  );
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
