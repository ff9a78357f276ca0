/** The registry in force where none is handed in: what the configuration says of it, up to builds that just import the package. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { homeVariable } from "../../src/config/paths.ts";
import { Secret } from "../../src/config/secret.ts";
import { site, USER_FILES, variables, WORKSPACE } from "../config/site.ts";
import { RegistryService } from "../support/registry_service.ts";
import { signedIn } from "./signed_in.ts";

const PROGRAM = fromFileUrl(import.meta.resolve("../support/configured_build.ts"));
const HOME = homeVariable();

/** The registry in force with the configuration as it is now. */
function inForce(): sd.Registry {
  using _ = sd.configProvider.override(sd.loadConfig());
  return sd.registryProvider.get();
}

function complaint(): string {
  return assertThrows(inForce, sd.ConfigError).message;
}

Deno.test("nothing configured is no registry", () => {
  using _ = site({}, { STARDAG_API_TIMEOUT: "1" });
  assertInstanceOf(inForce(), sd.NoOpRegistry);
});

Deno.test("a key is a registry, where the url says or else on this machine", () => {
  using _ = site({}, { STARDAG_API_KEY: "sk_1" });
  const local = inForce();
  assertInstanceOf(local, sd.ApiRegistry);
  assertEquals(local.url, "http://localhost:8000");
  using _url = variables({ STARDAG_REGISTRY_URL: "https://api.example.com" });
  const remote = inForce();
  assertInstanceOf(remote, sd.ApiRegistry);
  assertEquals(remote.url, "https://api.example.com");
});

Deno.test("a key does for a profile of which nothing else is known", () => {
  using _ = site({ "home/.stardag/config.toml": USER_FILES["home/.stardag/config.toml"] }, {
    STARDAG_API_KEY: "sk_1",
  });
  const registry = inForce();
  assertInstanceOf(registry, sd.ApiRegistry);
  assertEquals(registry.url, "http://localhost:9000");
});

Deno.test("STARDAG_NO_REGISTRY is no registry, whatever is configured", () => {
  using _ = site(USER_FILES, { STARDAG_API_KEY: "sk_1", STARDAG_NO_REGISTRY: "1" });
  assertInstanceOf(inForce(), sd.NoOpRegistry);
});

Deno.test("a registry that nobody has a key for is an error that says what to do", () => {
  const remedies = ["Set STARDAG_API_KEY", '"stardag auth login"', "STARDAG_NO_REGISTRY=1"];
  const cases = [
    {
      url: "http://localhost:8000",
      user: "nobody is signed in",
      site: [{}, "http://localhost:8000"],
    },
    {
      url: "http://a.example",
      user: "nobody is signed in",
      site: [USER_FILES, "http://a.example"],
    },
    { url: "http://localhost:9000", user: '"me@example.com" is not signed in', site: [USER_FILES] },
  ] as const;
  for (const { url, user, site: [files, given] } of cases) {
    using _ = site(files, given === undefined ? {} : { STARDAG_REGISTRY_URL: given });
    const message = complaint();
    for (const part of [`"${url}"`, `no API key, and ${user}`, ...remedies]) {
      assertStringIncludes(message, part);
    }
  }
});

Deno.test("a profile of which only names are known is an error that names them", async () => {
  await using user = await signedIn();
  const path = `${user.here.home}/.stardag/config.toml`;
  const text = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, text.replace(user.service.environmentId, "development"));
  assertStringIncludes(
    complaint(),
    'the id of the environment, and of "development" only the name',
  );
  assertStringIncludes(complaint(), "set STARDAG_ENVIRONMENT_ID");
  Deno.writeTextFileSync(path, text.replace(WORKSPACE, "mine"));
  assertStringIncludes(
    complaint(),
    'the id of the workspace, and of "mine" only the name is known',
  );
  using _ = variables({ STARDAG_WORKSPACE_ID: WORKSPACE });
  assertInstanceOf(inForce(), sd.ApiRegistry);
});

Deno.test("the registry in force is one for one configuration, and that of code goes before", () => {
  using _ = site({}, { STARDAG_API_KEY: "sk_1" });
  const config = sd.loadConfig();
  using _config = sd.configProvider.override(config);
  const registry = sd.registryProvider.get();
  assertStrictEquals(sd.registryProvider.get(), registry);
  {
    using _ = sd.configProvider.override({ ...config, api: { ...config.api, url: "http://x" } });
    assert(sd.registryProvider.get() !== registry);
    const own = new sd.InMemoryRegistry();
    using _own = sd.registryProvider.override(own);
    assertStrictEquals(sd.registryProvider.get(), own);
  }
  assertStrictEquals(sd.registryProvider.get(), registry);
  const own = new sd.InMemoryRegistry();
  sd.registryProvider.set(own);
  assertStrictEquals(sd.registryProvider.get(), own);
  sd.registryProvider.set(undefined);
  assertStrictEquals(sd.registryProvider.get(), registry);
});

Deno.test("a token that ends while a build goes on is replaced, and nothing is lost", async () => {
  await using user = await signedIn();
  const { service } = user;
  using _ = sd.configProvider.override(sd.loadConfig());
  using _roots = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: `memory://${crypto.randomUUID()}` } }),
  );
  const first = sd.task({
    name: "first",
    output: z.int(),
    run() {
      for (const token of service.tokens) service.expire(token);
      return 1;
    },
  });
  const second = sd.task({
    name: "second",
    params: { of: sd.depends(z.int()) },
    output: z.int(),
    run: ({ of }) => of + 1,
  });
  const summary = await sd.build(second({ of: first() }));
  summary.throwIfFailed();
  assertEquals(summary.warnings, []);
  const { registry } = service;
  assertEquals(registry.build(summary.buildId).status, "completed");
  assertEquals(registry.tasks(summary.buildId).map(({ status }) => status), [
    "completed",
    "completed",
  ]);
  assertEquals(user.provider.requests.length, 2);
});

Deno.test("a sign-in that has ended stops a build before anything runs", async () => {
  await using user = await signedIn();
  user.provider.refreshToken = "another";
  using _ = sd.configProvider.override(sd.loadConfig());
  const task = sd.task({ name: "never", output: z.int(), run: () => assert(false) as never });
  using _roots = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://never" } }),
  );
  await assertRejects(() => sd.build(task()), sd.TokenExpiredError, "stardag auth login");
});

Deno.test("STARDAG_API_TIMEOUT is how long the registry in force waits for an answer", async () => {
  await using service = await RegistryService.start();
  const { promise, resolve } = Promise.withResolvers<void>();
  service.fault = () => ({ kind: "wait", until: promise });
  using _ = site({}, {
    STARDAG_REGISTRY_URL: service.url,
    STARDAG_API_KEY: service.apiKey,
    STARDAG_API_TIMEOUT: "0.05",
  });
  const telling = () => Promise.resolve(inForce().buildComplete("b"));
  await assertRejects(telling, sd.RegistryError, "has not answered within 50 ms");
  resolve();
});

// ---- programs that say nothing of a registry ----

interface Built {
  readonly buildId?: string;
  readonly warnings?: readonly string[];
  readonly flag?: string;
  readonly message?: string;
}

/** Builds in a program that has just these flags, with the variables of this process. */
async function built(...flags: readonly string[]): Promise<Built> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, PROGRAM],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assertEquals(text.decode(stderr), "");
  return JSON.parse(text.decode(stdout));
}

function hostOf(url: string): string {
  return new URL(url).host;
}

/** The build is there, and was told to its end. */
function assertTold(service: RegistryService, { buildId = "", warnings }: Built): void {
  assertEquals(warnings, []);
  assertEquals(service.registry.build(buildId).status, "completed");
  assertEquals(service.registry.tasks(buildId).map(({ name, status }) => [name, status]), [
    ["one", "completed"],
  ]);
}

Deno.test("two variables make a build known, with permission for them and the service alone", async () => {
  await using service = await RegistryService.start();
  using _ = site({}, { STARDAG_REGISTRY_URL: service.url, STARDAG_API_KEY: service.apiKey });
  const env = "--allow-env=STARDAG_REGISTRY_URL,STARDAG_API_KEY";
  const net = `--allow-net=${hostOf(service.url)}`;
  assertTold(service, await built(env, net));

  const unconnected = await built(env);
  assertEquals(unconnected.flag, net);
  assertStringIncludes(`${unconnected.message}`, `Run with ${net}`);
  const unknown = await built("--allow-env=STARDAG_REGISTRY_URL", net);
  assertEquals(unknown.flag, "--allow-env=STARDAG_API_KEY");
  assertStringIncludes(`${unknown.message}`, service.url);
  assertStringIncludes(`${unknown.message}`, `Run with ${unknown.flag}, which tells who asks it`);
  const count = service.requests.length;
  assertEquals(await built(), { buildId: sd.NIL_BUILD_ID, warnings: [] });
  assertEquals(service.requests.length, count);
});

Deno.test("a key goes nowhere while a url that may not be read could tell where to", async () => {
  await using service = await RegistryService.start();
  const net = `--allow-net=${hostOf(service.url)},localhost:8000`;
  const all = "--allow-env=STARDAG_API_KEY,STARDAG_API_URL,STARDAG_REGISTRY_URL";
  for (const variable of ["STARDAG_REGISTRY_URL", "STARDAG_API_URL"]) {
    using _ = site({}, { [variable]: service.url, STARDAG_API_KEY: service.apiKey });
    const { flag, message } = await built("--allow-env=STARDAG_API_KEY", net);
    assertEquals(flag, all);
    assertStringIncludes(`${message}`, `Run with ${all}, which tells where it is`);
    // Where the url is told, the other variable is not missed.
    assertTold(service, await built(`--allow-env=STARDAG_API_KEY,${variable}`, net));
  }
});

Deno.test("a key that is set in code goes where the code says", {
  permissions: { env: ["STARDAG_NO_REGISTRY"] },
}, () => {
  const config = sd.loadConfig();
  using _ = sd.configProvider.override({
    ...config,
    api: { ...config.api, isUsed: true },
    apiKey: new Secret("sk_1"),
  });
  const registry = sd.registryProvider.get();
  assertInstanceOf(registry, sd.ApiRegistry);
  assertEquals(registry.url, "http://localhost:8000");
});

Deno.test("a profile and the token that is kept make a build known, with permission to read them", async () => {
  await using user = await signedIn();
  const { service, here } = user;
  await user.keep("kept", 600);
  const env = `--allow-env=STARDAG_*,${HOME}`;
  const read = `--allow-read=${here.home}/.stardag`;
  const net = `--allow-net=${hostOf(service.url)}`;
  assertTold(service, await built(env, read, net));
  assertEquals([...new Set(service.requests.map(({ headers }) => headers.authorization))], [
    "Bearer kept",
  ]);
  // Without the files that tell of the token, the flag for them is named.
  const unread = await built(env, `--allow-read=${here.home}/.stardag/config.toml`, net);
  const [name, id] = ["local__me_at_example.com", WORKSPACE];
  assertEquals(
    unread.flag,
    `${read}/access-token-cache/${name}__${id}.json,${here.home}/.stardag/credentials/${name}.json`,
  );
});

Deno.test("a profile and a refresh token alone make a build known, and the token is kept", async () => {
  await using user = await signedIn();
  const { service, provider, here } = user;
  const folder = `${here.home}/.stardag`;
  const flags = [
    `--allow-env=STARDAG_*,${HOME}`,
    `--allow-read=${folder}`,
    `--allow-write=${folder}`,
    `--allow-net=${hostOf(service.url)},${hostOf(provider.url)}`,
  ];
  assertTold(service, await built(...flags));
  assertTold(service, await built(...flags));
  assertEquals(provider.requests.length, 1);
});

Deno.test("names whose ids may not be read are named with the flag for the file of ids", async () => {
  await using user = await signedIn();
  const { service, here } = user;
  const folder = `${here.home}/.stardag`;
  const config = `${folder}/config.toml`;
  const text = Deno.readTextFileSync(config);
  Deno.writeTextFileSync(config, text.replace(service.environmentId, "development"));
  const env = `--allow-env=STARDAG_*,${HOME}`;
  const { flag, message } = await built(env, `--allow-read=${config},${folder}/credentials`);
  assertEquals(flag, `--allow-read=${folder}/id-cache.json`);
  assertStringIncludes(`${message}`, `Run with ${flag}, which is where ids are kept`);
});
