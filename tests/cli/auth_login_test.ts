/** `auth login` as it is used, and as it is attacked; the test plays the browser. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { WORKSPACE } from "../config/site.ts";
import { command, stardag } from "./command_line.ts";
import { desk, signingIn } from "./signing_in.ts";

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

Deno.test("one callback is taken, also while its code is not yet good for anything", async () => {
  await using at = await desk();
  const { provide, ended } = await at.start("--api-url", at.service.url);
  const callback = await provide();
  const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()];
  at.provider.fault = () => {
    asked.resolve();
    return go.promise;
  };
  const first = fetch(callback);
  await asked.promise;
  const second = await fetch(callback);
  assertEquals(second.status, 400);
  await second.body?.cancel();
  go.resolve(undefined);
  assertEquals((await first).status, 200);
  await (await first).body?.cancel();
  assertEquals((await ended).code, 0);
  assertEquals(at.provider.requests.length, 1);
});

Deno.test("the browser comes back to this machine alone", async () => {
  await using at = await desk();
  const { redirectUri, child, ended } = await at.start("--api-url", at.service.url);
  const port = Number(new URL(redirectUri).port);
  const others = Deno.networkInterfaces().map(({ address }) => address)
    .filter((address) => address !== "127.0.0.1" && !address.startsWith("fe80"));
  for (const hostname of ["127.0.0.2", ...others]) {
    await assertRejects(() => Deno.connect({ hostname, port }), Error, undefined, hostname);
  }
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  child.kill("SIGKILL");
  await ended;
});

Deno.test("who declines is told what the provider says, and the page shows it as text", async () => {
  await using at = await desk();
  const { redirectUri, url, ended } = await at.start("--api-url", at.service.url);
  const callback = new URL(redirectUri);
  callback.search = `${new URLSearchParams({
    state: new URL(url).searchParams.get("state")!,
    error: "access_denied",
    error_description: "<script>alert('x')</script> \x1b[31mno",
  })}`;
  const page = await fetch(callback);
  assertEquals(page.status, 400);
  const text = await page.text();
  assertStringIncludes(
    text,
    "access_denied: &#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62; no",
  );
  assert(!text.includes("<script"));
  const { code, stdout, stderr } = await ended;
  assertEquals([code, stdout], [1, ""]);
  assertStringIncludes(
    stderr,
    "error: Cannot sign in: the identity provider says " +
      `"access_denied: <script>alert('x')</script> no"`,
  );
  assertEquals(at.files(), []);
});

Deno.test("a code that the provider does not take is a failure, on the page too, and nothing is kept", async () => {
  await using at = await desk();
  const { provide, ended } = await at.start("--api-url", at.service.url);
  const callback = await provide();
  callback.searchParams.set("code", "another-hidden");
  const page = await fetch(callback);
  assertEquals(page.status, 400);
  assertStringIncludes(await page.text(), "<h1>Not signed in</h1>");
  const { code, stderr } = await ended;
  assertEquals(code, 1);
  assertStringIncludes(stderr, `answers 400 "invalid_grant" to the code that it has given`);
  assert(!stderr.includes("hidden"));
  assertEquals(at.files(), []);
});

Deno.test("who does not say who has signed in is of no use", async () => {
  await using at = await desk();
  at.provider.user = undefined;
  const { code, stderr } = await at.signIn();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "does not say who has signed in");
  assertEquals(at.files(), []);
});

Deno.test("nobody is sent to sign in where nothing can be kept of it, and the flag is named", async () => {
  await using at = await desk();
  const folder = join(at.home, ".stardag");
  const flags = ["--allow-env", "--allow-net", "--allow-sys", "--allow-read"];
  const login = ["auth", "login", "--timeout", "1", "--port", "0", "--api-url", at.service.url];
  const { code, stderr } = await stardag(login, { ...at.options, flags });
  assertEquals(code, 1);
  assertStringIncludes(stderr, `Run with --allow-read=${folder} --allow-write=${folder}`);
  assert(!stderr.includes("/authorize"));
});

Deno.test("a port that is taken is an error that names it, and no other is taken", async () => {
  await using at = await desk();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { code, stderr } = await at.run(
    ...["auth", "login", "--no-browser", "--api-url", at.service.url, "--port", `${port}`],
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, `another program listens on 127.0.0.1:${port}`);
  assert(!stderr.includes("/authorize"));
});

Deno.test("a browser that does not come back in time is given up", async () => {
  await using at = await desk();
  const { ended } = await at.start("--api-url", at.service.url, "--timeout", "1", "--json");
  const { code, stdout, stderr } = await ended;
  assertEquals(code, 1);
  assertStringIncludes(stderr, "the browser has not come back within 1 s");
  assertEquals(JSON.parse(stdout).exitCode, 1);
  assertEquals(at.files(), []);
});

Deno.test({
  name: "Ctrl-C ends it with 130",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using at = await desk();
    const { child, ended } = await at.start("--api-url", at.service.url, "--json");
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    assertEquals(code, 130);
    assertStringIncludes(stderr, "error: Cannot sign in to the registry");
    assertEquals(JSON.parse(stdout).exitCode, 130);
    assertEquals(at.files(), []);
  },
});

Deno.test({
  name: "the browser is opened where Deno may run what opens it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using at = await desk({
      "bin/xdg-open":
        '#!/bin/sh\nprintf %s "$1" > "$HOME/opened.tmp"\nmv "$HOME/opened.tmp" "$HOME/opened"\n',
    });
    await Deno.chmod(join(at.home, "bin", "xdg-open"), 0o755);
    at.set("PATH", `${join(at.home, "bin")}:${Deno.env.get("PATH")}`);
    using changes = Deno.watchFs(at.home, { recursive: false });
    const { url, provide, ended } = await signingIn(
      command(["auth", "login", "--port", "0", "--api-url", at.service.url], at.options),
    );
    for await (const { paths } of changes) {
      if (paths.includes(join(at.home, "opened"))) break;
    }
    assertEquals(await Deno.readTextFile(join(at.home, "opened")), url);
    await (await fetch(await provide())).body?.cancel();
    assertEquals((await ended).code, 0);
  },
});

Deno.test("a request that never comes to its end does not keep a sign-in from ending", async () => {
  await using at = await desk();
  const { redirectUri, provide, ended } = await at.start("--api-url", at.service.url);
  using connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(redirectUri).port),
  });
  const part = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nbegun";
  await connection.write(new TextEncoder().encode(part));
  await connection.read(new Uint8Array(1024)); // it is answered, and still not at its end
  await (await fetch(await provide())).body?.cancel();
  assertEquals((await ended).code, 0);
});

/** What is in force, without the sources; the token only tells that it is not shown. */
function valuesOf(document: unknown): unknown {
  const { settings, targetRoots } = document as Record<
    "settings" | "targetRoots",
    Record<string, { readonly value: unknown }>
  >;
  const { accessToken, ...others } = settings;
  assertMatch(`${accessToken?.value}`, /^\[secret\], until 20/);
  const entries = Object.entries({ ...others, ...targetRoots });
  return Object.fromEntries(entries.map(([name, { value }]) => [name, value]));
}

/** What is answered to a request with another name of the host. */
async function raw(port: number, { pathname, search }: URL, host: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(4096);
  return new TextDecoder().decode(bytes.subarray(0, await connection.read(bytes) ?? 0));
}
