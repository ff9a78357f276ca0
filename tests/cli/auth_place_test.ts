/** Where somebody works who signs in: which registry, workspace and environment, and the profile that comes of it. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Place } from "../support/accounts.ts";
import { WORKSPACE } from "../config/site.ts";
import { type Desk, desk } from "./signing_in.ts";

const OTHER_WORKSPACE = "0190b8a0-0000-7000-8000-000000000002";

/** Somebody with two workspaces, one of which has two environments. */
async function deskWithChoice(): Promise<Desk> {
  const at = await desk();
  const { accounts } = at.service;
  const place = (id: string, slug: string): Place => ({ id, slug, name: slug.toUpperCase() });
  accounts.workspaces = [...accounts.workspaces, place(OTHER_WORKSPACE, "research")];
  accounts.environments = {
    ...accounts.environments,
    [OTHER_WORKSPACE]: [place("0190b8a0-0000-7000-8000-0000000000e2", "staging")].concat(
      place("0190b8a0-0000-7000-8000-0000000000e3", "production"),
    ),
  };
  return at;
}

Deno.test("of several workspaces and environments one is named, by slug or id", async () => {
  await using at = await deskWithChoice();
  const { code, stderr } = await at.signIn("-w", "research", "-e", "production");
  assertEquals(code, 0, stderr);
  const byId = await at.signIn("-w", OTHER_WORKSPACE, "-e", "staging", "--json");
  const { workspace, environment, profile } = JSON.parse(byId.stdout);
  assertEquals([workspace, environment, profile], [
    "research",
    "staging",
    "default-research-staging",
  ]);
});

Deno.test("of several that nobody can be asked about none is taken, and they are listed", async () => {
  await using at = await deskWithChoice();
  const workspace = await at.signIn();
  assertEquals(workspace.code, 2);
  assertStringIncludes(
    workspace.stderr,
    `Cannot choose a workspace: there are several to choose from, "my-workspace", "research". ` +
      "Name one with --workspace",
  );
  const environment = await at.signIn("--workspace", "research");
  assertEquals(environment.code, 2);
  assertStringIncludes(
    environment.stderr,
    `"staging", "production". Name one with --environment`,
  );
  const typo = await at.signIn("--workspace", "reserach", "--json");
  assertEquals(typo.code, 2);
  assertStringIncludes(
    JSON.parse(typo.stdout).error,
    `there is no workspace "reserach", only "my-workspace", "research". Did you mean "research"?`,
  );
});

Deno.test("who signs in again goes on with the profile in use", async () => {
  await using at = await deskWithChoice();
  await at.signIn("-w", "research", "-e", "production");
  const config = at.read("config.toml");
  const { provide, ended } = await at.start("--json");
  await (await fetch(await provide())).body?.cancel();
  const { isNew, isDefault, profile } = JSON.parse((await ended).stdout);
  assertEquals([isNew, isDefault, profile], [false, true, "default-research-production"]);
  assertEquals(at.read("config.toml"), config);
});

Deno.test("each user has a profile, and a profile without one gets the first", async () => {
  await using at = await desk();
  const add = ["config", "profile", "add", "dev", "-r", "default", "--default"];
  await at.run("config", "registry", "add", "default", "--url", at.service.url);
  await at.run(...add, "-w", "my-workspace", "-e", "development");
  const profiles: unknown[] = [];
  for (const user of ["me@example.com", "you@example.com", "me@example.com", "you@other.example"]) {
    at.provider.user = user;
    const { provide, ended } = await at.start("--json");
    await (await fetch(await provide())).body?.cancel();
    const { stdout, stderr } = await ended;
    const { profile, isNew, isDefault } = JSON.parse(stdout);
    profiles.push([profile, isNew, isDefault, stderr.includes("Another profile is in use")]);
  }
  assertEquals(profiles, [
    ["dev", false, true, false],
    ["default-my-workspace-development", true, false, true],
    ["dev", false, true, false],
    ["default-my-workspace-development-you", true, false, true],
  ]);
});

Deno.test("without a registry one has to be told where it is", async () => {
  await using at = await desk();
  const { code, stderr } = await at.run("auth", "login", "--no-browser", "--timeout", "1");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "no registry is configured. Name one with --api-url <url>");
  at.set("STARDAG_API_URL", at.service.url);
  const { provide, ended } = await at.start();
  await (await fetch(await provide())).body?.cancel();
  assertEquals((await ended).code, 0);
  assertStringIncludes(at.read("config.toml"), `[registry.default]\nurl = "${at.service.url}"`);
});

Deno.test("of several registries the one of the profile in use is taken, or one that is named", async () => {
  await using at = await desk();
  for (const [name, url] of [["here", at.service.url], ["there", "http://127.0.0.1:1"]] as const) {
    await at.run("config", "registry", "add", name, "--url", url);
  }
  const login = ["auth", "login", "--no-browser", "--timeout", "1"];
  const none = await at.run(...login);
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, `from, "here", "there". Name one with --registry`);
  const typo = await at.run(...login, "-r", "heer");
  assertEquals(typo.code, 2);
  assertStringIncludes(typo.stderr, `Did you mean "here"?`);
  const named = await at.start("-r", "here");
  await (await fetch(await named.provide())).body?.cancel();
  assertEquals((await named.ended).code, 0);
  const usual = await at.start();
  assertStringIncludes(new URL(usual.url).href, at.provider.url);
  usual.child.kill("SIGKILL");
  await usual.ended;
});

Deno.test("a url never takes the place of another one of that name", async () => {
  await using at = await desk({
    ".stardag/config.toml": '[registry.default]\nurl = "http://stardag.example"\n',
  });
  const { code, stderr } = await at.run("auth", "login", "--api-url", at.service.url);
  assertEquals(code, 2);
  assertStringIncludes(stderr, `the registry "default" is at http://stardag.example, and not at`);
  assertEquals(at.service.requests.length, 0);
});

Deno.test("a registry that only the project names is signed in to when somebody names it, too", async () => {
  await using at = await desk();
  const profile = '[profile.team]\nregistry = "team"\nworkspace = "my-workspace"\n' +
    'environment = "development"\n[default]\nprofile = "team"\n';
  await Deno.mkdir(join(at.home, "work", ".stardag"));
  await Deno.writeTextFile(
    join(at.home, "work", ".stardag", "config.toml"),
    `[registry.team]\nurl = "${at.service.url}"\n${profile}`,
  );
  const { code, stderr } = await at.run("auth", "login", "--no-browser", "--timeout", "1");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "If you trust it, name it with --registry");
  assertEquals(at.service.requests.length, 0);
  const { provide, ended } = await at.start("--registry", "team", "--json");
  await (await fetch(await provide())).body?.cancel();
  const { registry, profile: name, isDefault } = JSON.parse((await ended).stdout);
  assertEquals([registry, name, isDefault], ["team", "team-my-workspace-development", false]);
});

Deno.test("a registry that signs people in with a password is an error that says what to do", async () => {
  await using at = await desk();
  at.service.accounts.method = undefined;
  const { code, stderr } = await at.run("auth", "login", "--api-url", at.service.url);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `signs people in itself, with a password. Do so with Python's`);
});

Deno.test("what goes before the sign-in is told", async () => {
  await using at = await desk();
  at.set("STARDAG_API_KEY", at.service.apiKey);
  const key = await at.signIn();
  assertEquals(key.code, 0);
  assertStringIncludes(key.stderr, "STARDAG_API_KEY is set and goes before this sign-in");
  at.set("STARDAG_API_KEY", "");
  at.set("STARDAG_NO_REGISTRY", "1");
  const off = await at.signIn();
  assertEquals(off.code, 0);
  assertStringIncludes(off.stderr, "STARDAG_NO_REGISTRY is set, and builds use no registry");
});

Deno.test("a build is told to the registry as who has signed in", async () => {
  await using at = await desk();
  await at.signIn();
  const module = join(at.home, "work", "one.ts");
  const entry = import.meta.resolve("../../mod.ts");
  await Deno.writeTextFile(
    module,
    `import * as sd from "${entry}";\n` +
      `import { z } from "${import.meta.resolve("zod")}";\n` +
      `export const one = sd.task({ name: "one", params: {}, output: z.number(), run: () => 1 })({});`,
  );
  at.set("STARDAG_TARGET_ROOTS", JSON.stringify({ default: join(at.home, "out") }));
  const { code, stderr } = await at.run("build", "one.ts:one");
  assertEquals(code, 0, stderr);
  const builds = at.service.requests.filter(({ path }) => path.startsWith("/api/v1/builds"));
  assertEquals(builds[0]?.headers.authorization?.endsWith(`.of-${WORKSPACE}`), true);
});
