import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { ConfigError, PermissionError } from "../../../src/errors.ts";
import { CachedRemoteFileSystem } from "../../../src/targets/cached_remote.ts";
import { MemoryRemoteFileSystem } from "../../../src/targets/memory_remote.ts";
import type { RemoteFileSystem } from "../../../src/targets/remote.ts";
import { S3FileSystem } from "../../../src/targets/s3/file_system.ts";
import { s3FileSystemProvider } from "../../../src/targets/s3/provider.ts";

const USE_CACHE = "STARDAG_TARGET_S3_USE_CACHE";
const NAMES = ["ROOT", "ROOT_BY_PREFIX", "ALLOW_CACHE_CHECK_EXISTS"].flatMap((name) => [
  `STARDAG_TARGET_S3_CACHE_${name}`,
  `STARDAG_TARGET_S3_CACHE__${name}`,
]);

/** What the provider gives when the variables are so. */
function given(variables: Readonly<Record<string, string>>): RemoteFileSystem {
  const names = [USE_CACHE, ...NAMES, ...Object.hasOwn(variables, "HOME") ? ["HOME"] : []];
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value: string | undefined): void =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  for (const name of names) set(name, undefined);
  try {
    for (const [name, value] of Object.entries(variables)) set(name, value);
    s3FileSystemProvider.set(undefined);
    return s3FileSystemProvider.get();
  } finally {
    for (const [name, value] of before) set(name, value);
    s3FileSystemProvider.set(undefined);
  }
}

/** How many copies there are in each folder once a file of the bucket "a" and one of "b" are written. */
async function copiesIn(
  folders: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<readonly number[]> {
  const cached = given({ [USE_CACHE]: "true", ...variables });
  assertInstanceOf(cached, CachedRemoteFileSystem);
  cached.fileSystem.write = () => Promise.resolve();
  for (const uri of ["s3://a/x", "s3://b/x"]) await cached.write(uri, "");
  return await Promise.all(folders.map(async (folder) => {
    try {
      return (await Array.fromAsync(Deno.readDir(folder))).length;
    } catch {
      return 0;
    }
  }));
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("s3FileSystemProvider gives S3 as it is, unless variables ask for copies", () => {
  for (const text of ["", "0", "false", "False", "f", "no", "n", "off"]) {
    assertInstanceOf(given({ [USE_CACHE]: text }), S3FileSystem, text);
  }
  assertInstanceOf(given({}), S3FileSystem);
  for (const text of ["1", "true", "TRUE", "t", "yes", "y", "on"]) {
    const cached = given({ [USE_CACHE]: text });
    assertInstanceOf(cached, CachedRemoteFileSystem, text);
    assertInstanceOf(cached.fileSystem, S3FileSystem);
  }
});

Deno.test("s3FileSystemProvider keeps copies where a variable of either name says, or below home", async () => {
  await withFolder(async (folder) => {
    const [home, first, second] = ["home", "first", "second"].map((name) => `${folder}/${name}`);
    const HOME = home!;
    const places = [`${HOME}/.stardag/cache/s3`, first!, second!];
    assertEquals(await copiesIn(places, { HOME }), [2, 0, 0]);
    const one = { STARDAG_TARGET_S3_CACHE_ROOT: second! };
    assertEquals(await copiesIn(places, { HOME, ...one }), [2, 0, 2]);
    const other = { STARDAG_TARGET_S3_CACHE__ROOT: `file://${first}` };
    assertEquals(await copiesIn(places, { ...one, ...other }), [2, 2, 2]);
    assertEquals(
      await copiesIn([`${HOME}/copies`], { HOME, STARDAG_TARGET_S3_CACHE_ROOT: "~/copies" }),
      [2],
    );
  });
});

Deno.test("s3FileSystemProvider keeps copies of prefixes where a variable says", async () => {
  await withFolder(async (folder) => {
    const places = [`${folder}/all`, `${folder}/b`];
    const variables = {
      STARDAG_TARGET_S3_CACHE_ROOT: places[0]!,
      STARDAG_TARGET_S3_CACHE_ROOT_BY_PREFIX: JSON.stringify({ "s3://b/": places[1] }),
    };
    assertEquals(await copiesIn(places, variables), [1, 1]);
  });
});

Deno.test("s3FileSystemProvider takes a copy for proof of a file when a variable says so", async () => {
  await withFolder(async (folder) => {
    for (const name of ["CACHE_ALLOW_CACHE_CHECK_EXISTS", "CACHE__ALLOW_CACHE_CHECK_EXISTS"]) {
      for (const told of [true, false]) {
        const cached = given({
          [USE_CACHE]: "true",
          STARDAG_TARGET_S3_CACHE_ROOT: folder,
          [`STARDAG_TARGET_S3_${name}`]: `${told}`,
        });
        assertInstanceOf(cached, CachedRemoteFileSystem);
        cached.fileSystem.write = () => Promise.resolve();
        cached.fileSystem.exists = () => Promise.resolve(false);
        await cached.write("s3://a/x", "");
        assertEquals(await cached.exists("s3://a/x"), told);
      }
    }
  });
});

Deno.test("s3FileSystemProvider names the variable that it cannot use", () => {
  const wrong: readonly (readonly [name: string, value: string, says: string])[] = [
    [USE_CACHE, "maybe", '"maybe"'],
    ["STARDAG_TARGET_S3_CACHE_ALLOW_CACHE_CHECK_EXISTS", "2", '"2"'],
    ["STARDAG_TARGET_S3_CACHE_ROOT", "s3://bucket/cache", "no local folder"],
    ["STARDAG_TARGET_S3_CACHE__ROOT", "https://x", "no local folder"],
    ["STARDAG_TARGET_S3_CACHE_ROOT_BY_PREFIX", "{", "not JSON"],
    ["STARDAG_TARGET_S3_CACHE_ROOT_BY_PREFIX", "[]", "not a JSON object"],
    ["STARDAG_TARGET_S3_CACHE__ROOT_BY_PREFIX", '{"gs://x":"/a"}', '"gs://x" does not start'],
    ["STARDAG_TARGET_S3_CACHE_ROOT_BY_PREFIX", '{"s3://x":1}', "not a string"],
    ["STARDAG_TARGET_S3_CACHE_ROOT_BY_PREFIX", '{"s3://x":"s3://y"}', "no local folder"],
  ];
  for (const [name, value, says] of wrong) {
    const error = assertThrows(() => given({ [USE_CACHE]: "1", [name]: value }), ConfigError, says);
    assert(error.message.startsWith(`Cannot use ${name}: `), error.message);
  }
});

Deno.test("s3FileSystemProvider takes variables that may not be read for not set", {
  permissions: { env: ["STARDAG_TARGET_S3_CACHE_ROOT"] },
}, () => {
  s3FileSystemProvider.set(undefined);
  assertInstanceOf(s3FileSystemProvider.get(), S3FileSystem);
});

Deno.test("s3FileSystemProvider names the flag by which the home folder may be known", {
  permissions: { env: [USE_CACHE, ...NAMES] },
}, () => {
  const error = assertThrows(() => given({ [USE_CACHE]: "1" }), PermissionError);
  assertEquals(error.flag, `--allow-env=${USE_CACHE},STARDAG_TARGET_S3_CACHE_ROOT,HOME`);
});

Deno.test("s3FileSystemProvider gives another file system where one is set", () => {
  const files = new MemoryRemoteFileSystem();
  {
    using _ = s3FileSystemProvider.override(files);
    assertStrictEquals(s3FileSystemProvider.get(), files);
  }
  assertInstanceOf(s3FileSystemProvider.get(), S3FileSystem);
});
