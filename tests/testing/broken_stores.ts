/**
 * Stores that are wrong in one way each, to show that the conformance suite tells.
 */

import { TargetError } from "../../src/errors.ts";
import type { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import type {
  ConditionalFiles,
  ReadRemoteOptions,
  RemoteFile,
  RemoteFileSystem,
  RemoteOptions,
  UnfinishedWrite,
} from "../../src/targets/remote.ts";
import type { WriteContent } from "../../src/targets/target.ts";
import { collect } from "../../src/testing/content.ts";

/** What replaces methods of a store, which is handed in as it was. */
export type Change = (files: MemoryRemoteFileSystem) => Partial<RemoteFileSystem>;

/** Has the store be asked for other files than it should. */
const renaming = (rename: (uri: string) => string): Change => (files) => ({
  exists: (uri, options) => files.exists(rename(uri), options),
  existsMany: (uris, options) => files.existsMany(uris.map(rename), options),
  readable: (uri, options) => files.readable(rename(uri), options),
  write: (uri, content, options) => files.write(rename(uri), content, options),
});

const withoutSignal = <T extends RemoteOptions>(options: T | undefined): T =>
  ({ ...options, signal: undefined }) as T;

const bytesOf = async (content: WriteContent): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await new Response(content).arrayBuffer());

/** Stores that are wrong in one way, and the beginning of a fact that tells. */
export const BROKEN: Readonly<Record<string, readonly [Change, fact: string]>> = {
  "takes folders for files": [(files) => ({
    exists: async (uri) =>
      await files.exists(uri) || (await Array.fromAsync(files.list(`${uri}/`))).length > 0,
  }), "exists when it is written"],
  "changes what it keeps": [(files) => ({
    write: async (uri, content) =>
      await files.write(uri, (await bytesOf(content)).filter((byte) => byte !== 0xef)),
  }), "brings back text that starts with a byte order mark"],
  "keeps what came of a stream that failed": [(files) => ({
    async write(uri, content, options) {
      if (!(content instanceof ReadableStream)) return await files.write(uri, content, options);
      const parts: Uint8Array<ArrayBuffer>[] = [];
      try {
        for await (const part of content) parts.push(new Uint8Array(part));
      } finally {
        await files.write(uri, new Blob(parts), options);
      }
    },
  }), "is unchanged by a stream that fails"],
  "wraps what a stream fails with": [(files) => ({
    async write(uri, content, options) {
      try {
        await files.write(uri, content, options);
      } catch (cause) {
        throw new TargetError("It went wrong", { uri, cause });
      }
    },
  }), "is unchanged by a stream that fails"],
  "empties a file before it is written": [(files) => ({
    async write(uri, content, options) {
      await files.write(uri, "", options);
      await files.write(uri, content, options);
    },
  }), "shows nothing of a file before"],
  "gives nothing where there is no file": [(files) => ({
    readable: (uri, options) =>
      readingLater(async () =>
        await files.exists(uri) ? files.readable(uri, options) : ReadableStream.from([])
      ),
  }), "says that there is no file to be read"],
  "reads ahead": [(files) => ({
    readable(uri, options) {
      const content = collect(files.readable(uri, options));
      content.catch(() => {});
      return readingLater(async () => ReadableStream.from([await content]));
    },
  }), "asks for nothing before the first read"],
  "gives one stream to all": [(files) => {
    const streams = new Map<string, ReadableStream<Uint8Array<ArrayBuffer>>>();
    return {
      readable(uri, options) {
        const stream = streams.get(uri) ?? files.readable(uri, options);
        streams.set(uri, stream);
        return stream;
      },
    };
  }, "gives a stream of its own to each reader"],
  "counts bytes from 1": [(files) => ({
    readable: (uri, { start, ...options } = {}) =>
      files.readable(uri, { ...options, start: start === undefined ? start : start + 1 }),
  }), "reads any part of a file"],
  "gives the last byte not wanted": [(files) => ({
    readable: (uri, { end, ...options } = {}) =>
      files.readable(uri, { ...options, end: end === undefined ? end : end + 1 }),
  }), "reads any part of a file"],
  "refuses parts beyond the end": [(files) => ({
    readable: (uri, options = {}) =>
      readingLater(async () => {
        const [file] = await Array.fromAsync(files.list(uri));
        if (options.start! >= file!.size) throw new RangeError("416");
        return files.readable(uri, options);
      }),
  }), "reads any part of an empty file"],
  "gives no part where there is no file": [(files) => ({
    readable: (uri, options = {}) =>
      readingLater(async () =>
        options.end === undefined || await files.exists(uri)
          ? files.readable(uri, options)
          : ReadableStream.from([])
      ),
  }), "says that there is no file of which a part can be read"],
  "decodes names": [renaming((uri) => uri.replace("%2F", "/")), "tells files of odd names apart"],
  "takes plus for a space": [
    renaming((uri) => uri.replace("+", " ")),
    "tells files of odd names apart",
  ],
  "takes names for URLs": [
    renaming((uri) => uri.replace(/[?#].*/, "")),
    "tells files of odd names apart",
  ],
  "normalizes names": [renaming((uri) => uri.normalize()), "tells files of odd names apart"],
  "trims names": [renaming((uri) => uri.trim()), "tells files of odd names apart"],
  "takes letters for the same": [
    renaming((uri) => uri.toLowerCase()),
    "tells files of odd names apart",
  ],
  "asks for each part anew": [(files) => ({
    readable: (uri, options = {}) => ReadableStream.from(inParts(files, uri, options)),
  }), "mixes no two contents"],
  "takes no heed of signals": [(files) => ({
    exists: (uri) => files.exists(uri),
  }), "does nothing for who does not want it any more"],
  "writes for who does not want it": [(files) => ({
    write: (uri, content, options) => files.write(uri, content, withoutSignal(options)),
  }), "does nothing for who does not want it any more"],
  "lets what was given up look whole": [(files) => ({
    readable: (uri, options = {}) =>
      ReadableStream.from(untilAborted(files.readable(uri), options.signal)),
  }), "gives up a file that is being read"],
  "leaves the source of what was given up": [(files) => ({
    async write(uri, content, options) {
      if (!(content instanceof ReadableStream)) return await files.write(uri, content, options);
      await files.write(uri, ReadableStream.from(content.values({ preventCancel: true })), options);
    },
  }), "gives up a file that is being written"],
  "answers once for what is asked twice": [(files) => ({
    existsMany: (uris, options) => files.existsMany([...new Set(uris)], options),
  }), "tells in order which of many files exist"],
  "answers for a thousand": [(files) => ({
    existsMany: async (uris, options) => [
      ...await files.existsMany(uris.slice(0, 1_000), options),
      ...uris.slice(1_000).map(() => false),
    ],
  }), "tells in order which of many files exist"],
  "takes prefixes for files": [(files) => ({
    existsMany: (uris) =>
      Promise.all(uris.map(async (uri) => (await Array.fromAsync(files.list(uri))).length > 0)),
  }), "tells which files exist that are like folders of others"],
  "remembers what was not there": [(files) => {
    const known = new Map<string, boolean>();
    return {
      async existsMany(uris, options) {
        const answers = await files.existsMany(uris, options);
        return uris.map((uri, i) => {
          const answer = known.get(uri) ?? answers[i]!;
          known.set(uri, answer);
          return answer;
        });
      },
    };
  }, "looks anew for each asker"],
  "asks for many whoever wants it": [(files) => ({
    existsMany: (uris, options = {}) => files.existsMany(uris, withoutSignal(options)),
  }), "asks for nothing for who does not want it any more"],
  "removes what begins like it": [(files) => ({
    async remove(uri) {
      for await (const file of files.list(uri)) await files.remove(file.uri);
    },
  }), "removes a file, and no other"],
  "cannot remove what is not there": [(files) => ({
    async remove(uri) {
      if (!await files.exists(uri)) throw new TargetError("404", { uri });
      await files.remove(uri);
    },
  }), "removes nothing where there is no file"],
  "removes folders": [(files) => ({
    async remove(uri) {
      await files.remove(uri);
      for await (const file of files.list(`${uri}/`)) await files.remove(file.uri);
    },
  }), "removes nothing where there is no file"],
  "removes whoever wants it": [(files) => ({
    remove: (uri, options) => files.remove(uri, withoutSignal(options)),
  }), "removes nothing for who does not want it any more"],
  "lists folders only": [(files) => ({
    list: (prefix) => files.list(prefix.endsWith("/") ? prefix : `${prefix}/`),
  }), "lists all files whose uris start with a prefix"],
  "lists names as in URLs": [
    listing((file) => ({ ...file, uri: encodeURI(file.uri) })),
    "lists all",
  ],
  "does not tell sizes": [listing((file) => ({ ...file, size: 0 })), "lists all"],
  "lists one page": [(files) => ({
    async *list(prefix, options) {
      let count = 0;
      for await (const file of files.list(prefix, options)) if (count++ < 1_000) yield file;
    },
  }), "lists more files than come at a time"],
  "lists what was there once": [(files) => {
    const seen = new Map<string, RemoteFile>();
    return {
      async *list(prefix, options) {
        for await (const file of files.list(prefix, options)) {
          yield seen.get(file.uri) ?? file;
          seen.set(file.uri, file);
        }
      },
    };
  }, "lists a file as it is by now"],
  "lists whoever wants it": [(files) => ({
    list: (prefix, options) => files.list(prefix, withoutSignal(options)),
  }), "lists nothing for who does not want it any more"],
  "lists no write under way": [() => ({
    async *listUnfinished() {},
  }), "lists a write under way"],
  "discards nothing": [(files) => ({
    async *listUnfinished(prefix, options) {
      for await (const write of files.listUnfinished(prefix, options)) {
        yield { ...write, discard: () => Promise.resolve() };
      }
    },
  }), "lists a write under way"],
  "lists writes under way of others": [(files) => ({
    listUnfinished: (_prefix, options) => files.listUnfinished("", options),
  }), "lists a write under way"],
  "leaves writes that failed": [(files) => {
    const failed: UnfinishedWrite[] = [];
    return {
      async write(uri, content, options) {
        try {
          await files.write(uri, content, options);
        } catch (error) {
          failed.push({ uri, begun: new Date(), discard: () => Promise.resolve() });
          throw error;
        }
      },
      async *listUnfinished(prefix, options) {
        yield* files.listUnfinished(prefix, options);
        yield* failed;
      },
    };
  }, "leaves nothing unfinished"],
  "has a version where there is no file": [
    conditionally(({ read }) => ({
      read: async (uri) => await read(uri) ?? { content: new Uint8Array(), version: "0" },
    })),
    "tells of a file what its version is",
  ],
  "tells another version": [
    conditionally(({ read }) => ({
      async read(uri) {
        const found = await read(uri);
        return found && { ...found, version: `${found.version}+` };
      },
    })),
    "tells of a file what its version is",
  ],
  "shares its bytes": [
    conditionally(({ read }) => {
      let content: Uint8Array<ArrayBuffer> | undefined;
      return {
        async read(uri) {
          const found = await read(uri);
          return found && { ...found, content: content ??= found.content };
        },
      };
    }),
    "shares no bytes with who writes or reads a version",
  ],
  "makes a file again": [
    conditionally(({ read, write }) => ({
      write: async (uri, content, version) =>
        await write(uri, content, version ?? (await read(uri))?.version),
    })),
    "makes a file once",
  ],
  "takes no heed of versions": [
    conditionally(({ read, write }) => ({
      write: async (uri, content, version) =>
        version === undefined
          ? await write(uri, content, undefined)
          : await write(uri, content, (await read(uri))?.version),
    })),
    "replaces a file only as it is by now",
  ],
  "looks, then writes": [(files) => ({
    conditional: {
      read: files.conditional.read,
      async write(uri, content, version, options) {
        const found = await files.conditional.read(uri, options);
        if (found?.version !== version) return undefined;
        await files.write(uri, content, options);
        return (await files.conditional.read(uri, options))?.version;
      },
    },
  }), "lets one of many win"],
  "tells all that they have lost": [
    conditionally(({ write }) => {
      let count = 0;
      return {
        async write(uri, content, version) {
          const written = await write(uri, content, version);
          return count++ > 0 ? undefined : written;
        },
      };
    }),
    "lets one of many win",
  ],
  "writes versions whoever wants it": [
    conditionally(({ write }) => ({
      write: (uri, content, version) => write(uri, content, version),
    })),
    "does nothing with versions for who has given up",
  ],
};

/** The store with some of its methods replaced. */
export function changed(files: MemoryRemoteFileSystem, change: Change): RemoteFileSystem {
  const changes = change(files);
  return new Proxy(files, {
    get(target, key) {
      const value: unknown = Reflect.get(Object.hasOwn(changes, key) ? changes : target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A stream that is looked for at the first read. */
function readingLater(
  open: () => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  return new ReadableStream({
    async pull(controller) {
      reader ??= (await open()).getReader();
      const { value } = await reader.read();
      if (value === undefined) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader?.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Parts of a file, each asked for by itself. */
async function* inParts(
  files: RemoteFileSystem,
  uri: string,
  { start = 0, end = Infinity }: ReadRemoteOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = start, part = new Uint8Array(1); at < end && part.length > 0; at += part.length) {
    part = new Uint8Array(
      await new Response(files.readable(uri, { start: at, end: Math.min(end, at + 100_000) }))
        .arrayBuffer(),
    );
    yield part;
  }
}

async function* untilAborted(
  content: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const part of content) {
    if (signal?.aborted) return;
    yield part;
  }
}

/** Lists files as something else. */
function listing(change: (file: RemoteFile) => RemoteFile): Change {
  return (files) => ({
    async *list(prefix, options) {
      for await (const file of files.list(prefix, options)) yield change(file);
    },
  });
}

/** Has other conditions. */
function conditionally(change: (files: ConditionalFiles) => Partial<ConditionalFiles>): Change {
  return ({ conditional }) => ({ conditional: { ...conditional, ...change(conditional) } });
}
