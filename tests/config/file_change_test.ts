/** Files that several programs change at once lose nothing, are never half there, and keep what is secret to their owner. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { parse } from "@std/toml";
import { dirname, fromFileUrl, join } from "@std/path";
import { rememberIds, rememberTargetRoots } from "../../src/config/caches_change.ts";
import { addRegistry } from "../../src/config/config_change.ts";
import {
  removeCredentials,
  replaceRefreshToken,
  writeAccessToken,
  writeCredentials,
} from "../../src/config/credentials_change.ts";
import { lockFile } from "../../src/config/file_change.ts";
import {
  accessTokenPath,
  configPath,
  credentialsPath,
  idCachePath,
  targetRootCachePath,
} from "../../src/config/paths.ts";
import { Secret } from "../../src/config/secret.ts";
import { ConfigError, PermissionError } from "../../src/errors.ts";
import { site, WORKSPACE } from "./site.ts";

const WRITER = fromFileUrl(import.meta.resolve("./writer.ts"));
const USER = ["local", "me@example.com"] as const;
const CREDENTIALS = {
  refreshToken: new Secret("first"),
  tokenEndpoint: "https://id.example/token",
  clientId: "cli",
};
const isUnix = Deno.build.os !== "windows";

function writer(home: string, name: string, count: number): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env", "--allow-read", `--allow-write=${home}`]
      .concat([WRITER, home, name, `${count}`]),
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

function modeOf(path: string): string {
  return ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
}

function json(path: string): unknown {
  return JSON.parse(Deno.readTextFileSync(path));
}

/** The registries in a `config.toml`. */
function namesIn(text: string): readonly string[] {
  const { registry = {} } = parse(text);
  return Object.keys(registry as Record<string, unknown>);
}

function registries(home: string): readonly string[] {
  return namesIn(Deno.readTextFileSync(configPath(home)));
}

Deno.test("programs that add entries at once lose none, and nobody sees half a file", async () => {
  using here = site({ "home/.stardag/config.toml": "# mine\n" });
  const { home } = here;
  const programs = Array.from({ length: 8 }, (_, i) => writer(home, `p${i}`, 25));
  let isOver = false;
  const all = Promise.all(programs.map((each) => each.output())).finally(() => isOver = true);
  let looks = 0;
  while (!isOver) {
    // Throws when it is not whole.
    const names = namesIn(await Deno.readTextFile(configPath(home)));
    assert(names.every((name) => /^p\d-\d+$/.test(name)), names.join());
    looks++;
  }
  assert((await all).every(({ success }) => success));
  assert(looks > 10);
  const wanted = programs.flatMap((_, p) => Array.from({ length: 25 }, (_, i) => `p${p}-${i}`));
  const sorted = (names: readonly string[]) => [...names].sort();
  assertEquals(sorted(registries(home)), sorted(wanted));
  assert(Deno.readTextFileSync(configPath(home)).startsWith("# mine\n"));
  const { workspaces } = json(idCachePath(home)) as { workspaces: { local: object } };
  assertEquals(sorted(Object.keys(workspaces.local)), sorted(wanted));
  const roots = json(targetRootCachePath(home)) as { environment_id: string }[];
  assertEquals(sorted(roots.map(({ environment_id }) => environment_id)), sorted(wanted));
});

Deno.test("a program that dies leaves whole files, and nobody waits for it", async () => {
  using here = site();
  const { home } = here;
  const program = writer(home, "dying", 10_000);
  await program.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  program.kill("SIGKILL");
  await program.status;
  const before = registries(home);
  assert(before.length > 0);
  Deno.writeTextFileSync(`${configPath(home)}.tmp`, "[regis");
  await addRegistry(home, "alive", "http://x");
  assertEquals(registries(home), [...before, "alive"]);
  await rememberIds(home, "local", { workspaces: { alive: "a" } });
  const names = Array.from(Deno.readDirSync(dirname(configPath(home))), ({ name }) => name);
  assert(!names.includes("config.toml.tmp"), names.join());
});

Deno.test("the lock of a name is had by one at a time, also within a program", async () => {
  using here = site();
  const path = join(here.home, ".lock");
  const events: string[] = [];
  const first = await lockFile(path);
  const second = (async () => {
    using _ = await lockFile(path);
    events.push("second");
  })();
  const third = lockFile(join(here.home, ".other")); // of another name
  (await third)[Symbol.dispose]();
  events.push("first");
  first[Symbol.dispose]();
  await second;
  assertEquals(events, ["first", "second"]);
});

Deno.test({
  name: "secrets are only for their owner from the first byte on, as are folders that are made",
  ignore: !isUnix,
  async fn() {
    using here = site();
    const { home } = here;
    const umask = Deno.umask(0);
    const open = Deno.open;
    const made: string[] = [];
    Deno.open = async (path, options) => {
      const file = await open(path, options);
      made.push(modeOf(`${path}`));
      return file;
    };
    try {
      await writeCredentials(home, ...USER, CREDENTIALS);
      await writeAccessToken(home, ...USER, WORKSPACE, { token: new Secret("t"), expiresIn: 600 });
      const path = credentialsPath(home, ...USER);
      Deno.chmodSync(path, 0o644);
      await writeCredentials(home, ...USER, { ...CREDENTIALS, clientId: "other" });
      assertEquals(new Set(made), new Set(["600"]));
      for (const each of [path, accessTokenPath(home, ...USER, WORKSPACE)]) {
        assertEquals([modeOf(each), modeOf(dirname(each))], ["600", "700"]);
      }
      assertEquals(modeOf(join(home, ".stardag")), "700");
    } finally {
      Deno.open = open;
      Deno.umask(umask);
    }
  },
});

Deno.test({
  name: "a file that is a link stays one, and what is no secret keeps its mode",
  ignore: !isUnix,
  async fn() {
    using here = site({ "home/dotfiles/config.toml": "" });
    const { home } = here;
    const real = join(home, "dotfiles", "config.toml");
    Deno.chmodSync(real, 0o640);
    Deno.mkdirSync(join(home, ".stardag"));
    Deno.symlinkSync(real, configPath(home));
    await addRegistry(home, "a", "http://a");
    assert(Deno.lstatSync(configPath(home)).isSymlink);
    assertStringIncludes(Deno.readTextFileSync(real), "http://a");
    assertEquals(modeOf(real), "640");
  },
});

Deno.test("what cannot be written is an error that names it, and leaves nothing behind", async () => {
  using here = site({ "home/.stardag/config.toml/a.txt": "it is a folder" });
  const { home } = here;
  const error = await assertRejects(() => addRegistry(home, "a", "http://a"), ConfigError);
  assertStringIncludes(error.message, `"${configPath(home)}"`);
  const rename = Deno.rename;
  Deno.rename = () => Promise.reject(new Error("disk full"));
  try {
    const failing = () => rememberIds(home, "local", { workspaces: { a: "b" } });
    await assertRejects(failing, ConfigError, `"${idCachePath(home)}": disk full`);
  } finally {
    Deno.rename = rename;
  }
  const names = Array.from(Deno.readDirSync(join(home, ".stardag")), ({ name }) => name);
  assertEquals(names.sort(), [".lock", "config.toml"]);
});

Deno.test("what is known of other slugs, environments and keys stays", async () => {
  using here = site({
    "home/.stardag/id-cache.json": '{"version":2,"workspaces":{"local":{"a":"1"}}}',
    "home/.stardag/target-root-cache.json": JSON.stringify([
      { registry_url: "http://x/", workspace_id: "w", environment_id: "e", target_roots: {}, k: 1 },
    ]),
  });
  const { home } = here;
  await rememberIds(home, "local", { workspaces: { b: "2" }, environments: { 1: { e: "3" } } });
  await rememberIds(home, "local", { environments: { 1: { f: "4" }, 2: { e: "5" } } });
  await rememberIds(home, "other", { workspaces: { a: "6" } });
  assertEquals(json(idCachePath(home)), {
    version: 2,
    workspaces: { local: { a: "1", b: "2" }, other: { a: "6" } },
    environments: { local: { 1: { e: "3", f: "4" }, 2: { e: "5" } }, other: {} },
  });
  await rememberTargetRoots(home, "http://x", "w", "e", { default: "/a" });
  await rememberTargetRoots(home, "http://x", "w", "f", { default: "/b" });
  assertEquals(json(targetRootCachePath(home)), [
    {
      registry_url: "http://x/",
      workspace_id: "w",
      environment_id: "e",
      target_roots: { default: "/a" },
      k: 1,
    },
    {
      registry_url: "http://x",
      workspace_id: "w",
      environment_id: "f",
      target_roots: { default: "/b" },
    },
  ]);
});

Deno.test("a refresh token replaces the one it was given for, and no other", async () => {
  using here = site();
  const { home } = here;
  const path = credentialsPath(home, ...USER);
  const replace = (used: string, next: string) =>
    replaceRefreshToken(home, ...USER, { used: new Secret(used), next: new Secret(next) });
  await replace("first", "second");
  assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
  await writeCredentials(home, ...USER, CREDENTIALS);
  const token_endpoint = "https://id.example/token";
  for (const [used, refresh_token] of [["another", "first"], ["first", "second"]] as const) {
    await replace(used, "second");
    assertEquals(json(path), { token_endpoint, client_id: "cli", refresh_token });
  }
});

Deno.test("signing out removes all that one has signed in with, and nothing of others", async () => {
  using here = site();
  const { home } = here;
  const token = { token: new Secret("t"), expiresIn: 600 };
  const others = ["me@example.com__x", "me@example.co"];
  for (const user of ["me@example.com", ...others]) {
    await writeCredentials(home, "local", user, CREDENTIALS);
    await writeAccessToken(home, "local", user, WORKSPACE, token);
  }
  await writeAccessToken(home, ...USER, "another", token);
  assertEquals(await removeCredentials(home, ...USER), true);
  assertEquals(await removeCredentials(home, ...USER), false);
  const left = [credentialsPath(home, ...USER), accessTokenPath(home, ...USER, "")]
    .flatMap((path) => Array.from(Deno.readDirSync(dirname(path)), ({ name }) => name))
    .filter((name) => name.endsWith(".json"));
  assertEquals(left.length, 4);
  assert(left.every((name) => /com__x|co__|co\.json/.test(name)), left.join());
});

Deno.test("signing out where nobody has ever signed in does nothing", async () => {
  using here = site();
  assertEquals(await removeCredentials(here.home, ...USER), false);
});

Deno.test({
  name: "a folder that may not be written to is named with its flag, and nobody is asked",
  permissions: { read: true, env: true },
  async fn() {
    const change = () => addRegistry("/home/somebody", "a", "http://a");
    const { flag, message } = await assertRejects(change, PermissionError);
    const folder = join("/home/somebody", ".stardag");
    assertEquals(flag, `--allow-read=${folder} --allow-write=${folder}`);
    assertStringIncludes(message, `Run with ${flag}, which is where it is kept`);
  },
});
