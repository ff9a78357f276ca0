/** `auth login` as it is used, and as it is attacked; the test plays the browser. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ENVIRONMENT, WORKSPACE } from "../config/site.ts";
import { desk } from "./signing_in.ts";

const CREDENTIALS = "credentials/default__me_at_example.com.json";
const TOKEN = `access-token-cache/default__me_at_example.com__${WORKSPACE}.json`;

Deno.test("who signs in has credentials, a token, ids, target roots, and a profile that is the default", async () => {
  await using at = await desk();
  at.service.wire.targetRoots = [{ name: "default", uri_prefix: "s3://bucket/dev" }];
  const { code, stdout, stderr } = await at.signIn();
  assertEquals(code, 0, stderr);
  assertEquals(
    stdout,
    'Profile "default-my-workspace-development" (a new one, the default)\n' +
      'Workspace "my-workspace", environment "development"\nTarget roots "default"\n',
  );
  assertStringIncludes(stderr, `Signing in to "default" at ${at.service.url}\n`);
  assertStringIncludes(stderr, "Signed in as me@example.com\n");
  assertEquals(at.files(), [
    TOKEN,
    "config.toml",
    CREDENTIALS,
    "id-cache.json",
    "target-root-cache.json",
  ]);
  assertEquals(JSON.parse(at.read(CREDENTIALS)), at.provider.credentials);
  for (const path of [TOKEN, CREDENTIALS]) {
    assertEquals((await Deno.stat(join(at.home, ".stardag", path))).mode! & 0o777, 0o600);
  }
  const settings = await at.json("config", "show");
  assertEquals(valuesOf(settings), {
    registryIsUsed: true,
    profile: "default-my-workspace-development",
    registry: "default",
    url: at.service.url,
    user: "me@example.com",
    workspace: "my-workspace",
    environment: "development",
    timeoutSeconds: 30,
    apiKey: null,
    default: "s3://bucket/dev/",
  });
});

Deno.test("a browser is sent to the identity provider with what OAuth asks for", async () => {
  await using at = await desk();
  const { url, redirectUri, provide, ended } = await at.start("--api-url", at.service.url);
  const query = Object.fromEntries(new URL(url).searchParams);
  assertMatch(redirectUri, /^http:\/\/localhost:\d+\/callback$/);
  assertEquals({ ...query, state: "", code_challenge: "" }, {
    tenant: "tests",
    response_type: "code",
    client_id: "cli",
    redirect_uri: redirectUri,
    scope: "openid profile email",
    state: "",
    code_challenge: "",
    code_challenge_method: "S256",
  });
  assertMatch(query.state!, /^[\w-]{43}$/);
  assertMatch(query.code_challenge!, /^[\w-]{43}$/);
  const page = await fetch(await provide());
  assertEquals(page.status, 200);
  assertMatch(page.headers.get("content-type")!, /^text\/html/);
  assertEquals(page.headers.get("content-security-policy"), "default-src 'none'");
  assertStringIncludes(await page.text(), "<h1>Signed in</h1>");
  assertEquals((await ended).code, 0);
});

Deno.test("with --json signing in is one document, and no output shows a secret", async () => {
  await using at = await desk();
  const { code, stdout, stderr } = await at.signIn("--json", "--registry", "local");
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout), {
    registry: "local",
    url: at.service.url,
    user: "me@example.com",
    workspace: "my-workspace",
    environment: "development",
    profile: "local-my-workspace-development",
    isNew: true,
    isDefault: true,
    targetRoots: { default: "/data/root" },
  });
  for (const secret of ["hidden", "token."]) {
    assert(!`${stdout}${stderr}`.includes(secret), secret);
  }
});

Deno.test("only what comes back with the state is taken, and all else does not end the sign-in", async () => {
  await using at = await desk();
  const { redirectUri, provide, ended } = await at.start("--api-url", at.service.url);
  const callback = await provide();
  const answers = async (change: (url: URL) => void, init: RequestInit = {}): Promise<number> => {
    const url = new URL(callback);
    change(url);
    const response = await fetch(url, init);
    assert(!(await response.text()).includes("<h1>Signed in"));
    return response.status;
  };
  const { searchParams } = callback;
  const state = searchParams.get("state") ?? "";
  assertEquals(await answers((url) => url.searchParams.set("state", "another")), 400);
  assertEquals(await answers((url) => url.searchParams.set("state", state.slice(1))), 400);
  assertEquals(await answers((url) => url.searchParams.delete("state")), 400);
  assertEquals(await answers((url) => url.searchParams.append("state", state)), 400);
  assertEquals(await answers((url) => url.searchParams.delete("code")), 400);
  assertEquals(await answers((url) => url.searchParams.set("code", "")), 400);
  assertEquals(await answers((url) => url.search = "?error=access_denied&state=another"), 400);
  assertEquals(await answers((url) => url.pathname = "/favicon.ico"), 404);
  assertEquals(await answers((url) => url.pathname = "/callback/"), 404);
  assertEquals(await answers(() => {}, { method: "POST" }), 405);
  // A page elsewhere whose name was made to lead here.
  const port = Number(new URL(redirectUri).port);
  for (const host of [`evil.example:${port}`, "localhost", `127.0.0.1:${port}`]) {
    assertMatch(await raw(port, callback, host), /^HTTP\/1\.1 421 /);
  }
  assertEquals(at.provider.requests.length, 0);
  assertMatch(await raw(port, callback, `localhost:${port}`), /^HTTP\/1\.1 200 /);
  assertEquals((await ended).code, 0);
});

Deno.test("one callback is taken, and a second one is not", async () => {
  await using at = await desk();
  const { provide, ended } = await at.start("--api-url", at.service.url);
  const callback = await provide();
  const asked = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  at.service.fault = () => ({ kind: "wait", until: second.promise });
  at.provider.fault = () => {
    asked.resolve();
    return new Response("", { status: 503 });
  };
  at.provider.fault = undefined;
  const first = fetch(callback);
  // The listener is there for as long as the first one is answered.
  const response = await first;
  assertEquals(response.status, 200);
  await response.body?.cancel();
  const again = await fetch(callback).then((it) => it.body?.cancel().then(() => it.status), () => 0);
  assert(again === 400 || again === 0);
  second.resolve();
  assertEquals((await ended).code, 0);
  assertEquals(at.provider.requests.length, 1);
});
