/** `auth status`, `auth refresh` and `auth logout`. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { WORKSPACE } from "../config/site.ts";
import { type Desk, desk } from "./signing_in.ts";

const SIGN_IN = { registryName: "default", user: "me@example.com" };

/** Somebody who has signed in. */
async function signedIn(): Promise<Desk> {
  const at = await desk();
  const { code, stderr } = await at.signIn();
  assertEquals(code, 0, stderr);
  return at;
}

Deno.test("status tells who is signed in and until when, and never a token", async () => {
  await using at = await signedIn();
  const { code, stdout, stderr } = await at.run("auth", "status");
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, `Signed in\n  registry    default at ${at.service.url}\n`);
  assertStringIncludes(stdout, "  user        me@example.com\n");
  assertMatch(stdout, /token {7}until .*, then a new one is had\n/);
  const { tokenExpiresAt, ...status } = await at.json("auth", "status") as Record<string, unknown>;
  assertEquals(status, {
    kind: "signed in",
    registry: "default",
    url: at.service.url,
    profile: "default-my-workspace-development",
    user: "me@example.com",
    workspace: "my-workspace",
    environment: "development",
    isRenewable: true,
    signIns: [SIGN_IN],
  });
  assert(Date.parse(`${tokenExpiresAt}`) > Date.now());
  assert(!/hidden|token\./.test(stdout + JSON.stringify(status)));
});

Deno.test("status tells that a key goes before the sign-in, and shows nothing of it", async () => {
  await using at = await signedIn();
  at.set("STARDAG_API_KEY", at.service.apiKey);
  const { code, stdout } = await at.run("auth", "status");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "The key in STARDAG_API_KEY is used; it goes before");
  assertStringIncludes(stdout, 'Signed in to "default" as me@example.com\n');
  assert(!stdout.includes(at.service.apiKey.slice(0, 6)));
});

Deno.test("status tells that nobody is signed in, and what to do", async () => {
  await using at = await desk();
  const { code, stdout, stderr } = await at.run("auth", "status");
  assertEquals([code, stdout], [0, "No registry is used\n"]);
  assertEquals(stderr, 'Sign in with "stardag auth login"\n');
  at.set("STARDAG_API_URL", at.service.url);
  assertStringIncludes((await at.run("auth", "status")).stdout, "Nobody is signed in\n");
});

Deno.test("refresh gets a new token, and looks up ids and target roots that are lost", async () => {
  await using at = await signedIn();
  const token = `access-token-cache/default__me_at_example.com__${WORKSPACE}.json`;
  const before = at.read(token);
  for (const lost of ["id-cache.json", "target-root-cache.json"]) {
    await Deno.remove(`${at.home}/.stardag/${lost}`);
  }
  at.service.wire.targetRoots = [{ name: "default", uri_prefix: "s3://bucket/new" }];
  assertEquals(await at.json("auth", "refresh"), {
    registry: "default",
    user: "me@example.com",
    workspace: "my-workspace",
    environment: "development",
    expiresIn: 600,
    targetRoots: { default: "s3://bucket/new" },
  });
  assert(at.read(token) !== before);
  assertEquals(at.provider.requests.at(-1)?.get("grant_type"), "refresh_token");
  assertStringIncludes(
    at.read("credentials/default__me_at_example.com.json"),
    at.provider.refreshToken,
  );
  const { stdout } = await at.run("config", "target-roots", "list");
  assertMatch(stdout, /default +s3:\/\/bucket\/new\/ +".*target-root-cache\.json"/);
});

Deno.test("refresh for what is not there names what is", async () => {
  await using at = await signedIn();
  for (
    const [option, name, meant] of [
      ["--workspace", "my-workspac", "my-workspace"],
      ["--registry", "defalt", "default"],
    ] as const
  ) {
    const { code, stderr } = await at.run("auth", "refresh", option, name);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `Did you mean "${meant}"?`);
  }
  await at.run("auth", "logout");
  const { code, stderr } = await at.run("auth", "refresh");
  assertEquals(code, 1);
  assertStringIncludes(stderr, `Sign in with "stardag auth login"`);
});

Deno.test("refresh elsewhere is as who is signed in there, and of several users one is named", async () => {
  await using at = await signedIn();
  at.provider.isRotating = false;
  const refresh = ["auth", "refresh", "--registry", "other"];
  at.provider.user = "you@example.com";
  await at.signIn("--registry", "other");
  const only = await at.json(...refresh) as { user: string; environment: unknown };
  assertEquals([only.user, only.environment], ["you@example.com", null]);
  at.provider.user = "me@example.com";
  await at.signIn("--registry", "other");
  const { code, stderr } = await at.run(...refresh);
  assertEquals(code, 2);
  assertStringIncludes(stderr, '"me@example.com", "you@example.com". Name one with --user');
  const named = await at.json(...refresh, "--user", "me@example.com") as { user: string };
  assertEquals(named.user, "me@example.com");
});

Deno.test("a sign-in that has ended is a failure that says so, and shows no secret", async () => {
  await using at = await signedIn();
  at.provider.refreshToken = "another-hidden";
  const { code, stdout, stderr } = await at.run("auth", "refresh", "--json");
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'the sign-in has ended. Sign in again with "stardag auth login"');
  assertEquals(JSON.parse(stdout).exitCode, 1);
  assert(!/hidden/.test(stdout + stderr));
});

Deno.test("logout removes credentials and tokens, and nothing else", async () => {
  await using at = await signedIn();
  const { code, stdout } = await at.run("auth", "logout");
  assertEquals([code, stdout], [0, 'Signed out of "default" as me@example.com\n']);
  assertEquals(at.files(), ["config.toml", "id-cache.json", "target-root-cache.json"]);
  assertEquals((await at.run("auth", "logout")).stdout, "Nobody was signed in\n");
});

Deno.test("logout is of one registry, or of all", async () => {
  await using at = await signedIn();
  for (const name of ["other", "other__of__many"]) {
    const { code, stderr } = await at.signIn("--registry", name);
    assertEquals(code, 0, stderr);
  }
  const signInsOf = async () =>
    (await at.json("auth", "status") as { signIns: { registryName: string }[] }).signIns
      .map(({ registryName }) => registryName).sort();
  assertEquals(await signInsOf(), ["default", "other", "other__of__many"]);

  const other = await at.run("auth", "logout", "--registry", "other");
  assertEquals(other.stdout, 'Signed out of "other" as me@example.com\n');
  assertStringIncludes(other.stderr, 'Still signed in to "default" as me@example.com\n');
  assertEquals(await signInsOf(), ["default", "other__of__many"]);
  const usual = await at.json("auth", "logout");
  assertEquals(usual, {
    removed: [SIGN_IN],
    signIns: [{ registryName: "other__of__many", user: "me@example.com" }],
  });

  const typo = await at.run("auth", "logout", "-r", "othr");
  assertEquals(typo.code, 2);
  assertStringIncludes(typo.stderr, 'Did you mean "other"?');

  await at.signIn();
  await at.run("auth", "logout", "--all");
  assertEquals(at.files().filter((path) => path.includes("/")), []);
  assertEquals(await signInsOf(), []);
});

Deno.test("logout of a registry that is gone is of its files", async () => {
  await using at = await signedIn();
  const { stderr } = await at.run("config", "registry", "remove", "default", "--with-profiles");
  assertStringIncludes(stderr, `Remove it with "stardag auth logout -r default"`);
  await at.run("auth", "logout", "-r", "default");
  assertEquals(at.files().filter((path) => path.includes("/")), []);
});
