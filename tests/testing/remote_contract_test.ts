import { assert, assertEquals } from "@std/assert";
import { TargetNotFoundError } from "../../src/errors.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import type {
  ReadRemoteOptions,
  RemoteFileSystem,
  RemoteOptions,
} from "../../src/targets/remote.ts";
import type { WriteContent } from "../../src/targets/target.ts";
import { remoteFileSystemContract } from "../../src/testing/remote_contract.ts";
import {
  REMOTE_EXTRAS,
  type RemoteExtra,
  type RemotePlace,
} from "../../src/testing/remote_place.ts";
import { factsOf, failuresOf } from "../support/contract_failures.ts";
import { BROKEN, changed } from "./broken_stores.ts";

/** All that a store has to have. */
class ThreeMethods implements RemoteFileSystem {
  readonly #files = new Map<string, Blob>();

  // deno-lint-ignore require-await -- what is thrown is to reject
  async exists(uri: string, { signal }: RemoteOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    return this.#files.has(uri);
  }

  readable(
    uri: string,
    { start, end, signal }: ReadRemoteOptions = {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        signal?.throwIfAborted();
        reader ??= this.#file(uri).slice(start, end).stream().getReader();
        const { value } = await reader.read();
        if (value === undefined) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader?.cancel(reason),
    }, { highWaterMark: 0 });
  }

  async write(uri: string, content: WriteContent, { signal }: RemoteOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const source = content instanceof ReadableStream && signal !== undefined
      ? content.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal })
      : content;
    this.#files.set(uri, await new Response(source).blob());
  }

  #file(uri: string): Blob {
    const file = this.#files.get(uri);
    if (file !== undefined) return file;
    throw new TargetNotFoundError(`Cannot read "${uri}": it is not there`, { uri });
  }
}

const make = (fileSystem: RemoteFileSystem): RemotePlace => ({
  fileSystem,
  uri: (name) => `cloud://bucket/${name}`,
  async [Symbol.asyncDispose]() {},
});

remoteFileSystemContract("a RemoteFileSystem of three methods", () => make(new ThreeMethods()));

const factsAbout = (
  files: () => RemoteFileSystem,
  extras: readonly RemoteExtra[] = REMOTE_EXTRAS,
) => factsOf(() => remoteFileSystemContract("F", () => make(files()), { extras }));

for (const [fault, [change, beginning]] of Object.entries(BROKEN)) {
  Deno.test(`remoteFileSystemContract() catches a store that ${fault}`, async () => {
    const facts = factsAbout(() => changed(new MemoryRemoteFileSystem(), change));
    const telling = facts.filter(({ name }) => name.startsWith(`F ${beginning}`));
    assert((await failuresOf(telling)).length > 0, `it passes ${telling.length} facts`);
  });
}

Deno.test("remoteFileSystemContract() tests what a store was said to offer, and no more", async () => {
  const counts = [[], ...REMOTE_EXTRAS.map((extra) => [extra])].map((extras) =>
    factsAbout(() => new ThreeMethods(), extras).length
  );
  const all = factsAbout(() => new MemoryRemoteFileSystem());
  const [least = 0, ...others] = counts;
  assert(others.every((count) => count > least), `${counts}`);
  assertEquals(others.reduce((sum, count) => sum + count - least, least), all.length);
  for (
    const [files, extras] of [[new ThreeMethods(), REMOTE_EXTRAS], [
      new MemoryRemoteFileSystem(),
      [],
    ]] as const
  ) {
    const facts = factsAbout(() => files, extras);
    const failed = await failuresOf(facts.filter(({ name }) => name.includes("offers")));
    assertEquals(failed, ["F offers what it was said to, and nothing else"]);
  }
});
