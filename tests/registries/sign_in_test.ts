/** Access tokens of who has signed in, from files as the command line leaves them, with services on this machine. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { loadConfig } from "../../src/config/config.ts";
import { readAccessToken, readCredentials } from "../../src/config/credentials.ts";
import { removeCredentials } from "../../src/config/credentials_change.ts";
import { credentialsPath, homeVariable } from "../../src/config/paths.ts";
import { Secret } from "../../src/config/secret.ts";
import { Sources } from "../../src/config/sources.ts";
import * as errors from "../../src/errors.ts";
import { signedInToken } from "../../src/registries/sign_in.ts";
import { WORKSPACE } from "../config/site.ts";
import { type SignedIn, signedIn, USER } from "./signed_in.ts";

const TAKER = fromFileUrl(import.meta.resolve("./token_taker.ts"));

interface Taken {
  readonly tokens?: readonly string[];
  readonly name?: string;
  readonly message?: string;
  readonly flag?: string;
}

/** Gets so many tokens in a program with just these flags. */
async function take(count: number, flags: readonly string[]): Promise<Taken> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, TAKER, `${count}`],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assertEquals(text.decode(stderr), "");
  return JSON.parse(text.decode(stdout));
}

function kept(): {
  readonly token?: string;
  readonly refreshToken?: string;
  readonly left: number;
} {
  const { context } = loadConfig();
  const { token, expiresAt } = readAccessToken(new Sources(), context) ?? {};
  const { refreshToken } = readCredentials(new Sources(), context) ?? {};
  return {
    ...token && { token: token.reveal() },
    ...refreshToken && { refreshToken: refreshToken.reveal() },
    left: expiresAt === undefined ? 0 : Math.round((expiresAt.getTime() - Date.now()) / 1000),
  };
}

function asked({ service, provider }: SignedIn): readonly [provider: number, service: number] {
  return [provider.requests.length, service.requests.length];
}

Deno.test("the token that is kept is given as long as it is good, and nobody is asked", async () => {
  await using user = await signedIn();
  const token = await user.keep("kept", 600);
  assertEquals(await signedInToken(loadConfig())(undefined), token);
  assertEquals(asked(user), [0, 0]);
});

Deno.test("without a token that is good, one is had with the refresh token, and both are kept", async () => {
  for (const before of ["none", "expired"]) {
    await using user = await signedIn();
    const { service, provider } = user;
    if (before === "expired") await user.keep("expired", -1);
    const token = await signedInToken(loadConfig())(undefined);
    assert(service.tokens.has(token));
    assertStringIncludes(token, WORKSPACE);
    assertEquals(Object.fromEntries(provider.requests[0] ?? []), {
      grant_type: "refresh_token",
      refresh_token: "refresh-0-hidden",
      client_id: "cli",
    });
    assertEquals(service.requests[0]?.headers.authorization, "Bearer identity-1-hidden");
    assertEquals(kept(), { token, refreshToken: "refresh-1-hidden", left: 480 });
    assertEquals(await signedInToken(loadConfig())(undefined), token);
    assertEquals(asked(user), [1, 1]);
  }
});

Deno.test("a token that is not to be given again is replaced, unless somebody has done so", async () => {
  await using user = await signedIn();
  const first = await user.keep("first", 600);
  const [mine, theirs] = [signedInToken(loadConfig()), signedInToken(loadConfig())];
  const second = await mine(first);
  assert(second !== first);
  assertEquals(await theirs(first), second);
  assertEquals(asked(user), [1, 1]);
});

Deno.test("an identity provider that gives no new refresh token leaves the old one in use", async () => {
  await using user = await signedIn();
  user.provider.isRotating = false;
  const source = signedInToken(loadConfig());
  await source(await source(undefined));
  assertEquals([asked(user), kept().refreshToken], [[2, 2], "refresh-0-hidden"]);
});

Deno.test("of many that need a token at once, here and in other programs, one gets it for all", async () => {
  await using user = await signedIn();
  const here = Array.from({ length: 8 }, () => signedInToken(loadConfig())(undefined));
  const there = Array.from({ length: 3 }, () => take(1, ["-A"]));
  const tokens = [
    ...await Promise.all(here),
    ...(await Promise.all(there)).flatMap(({ tokens = [] }) => tokens),
  ];
  assertEquals([tokens.length, new Set(tokens).size], [11, 1]);
  assertEquals(asked(user), [1, 1]);
});

Deno.test("no refresh token is used where the next one may not be kept, and the flag for it is named", async () => {
  await using user = await signedIn();
  const { here, service, provider } = user;
  const folder = `${here.home}/.stardag`;
  const flags = [
    `--allow-env=STARDAG_*,${homeVariable()}`,
    `--allow-net=${new URL(service.url).host},${new URL(provider.url).host}`,
    `--allow-read=${folder}`,
  ];
  const before = kept();
  const { name, flag = "", message } = await take(1, flags);
  assertEquals([name, flag], [
    "PermissionError",
    `--allow-read=${folder} --allow-write=${folder}`,
  ]);
  assertStringIncludes(`${message}`, `Run with ${flag}, which is where it is kept`);
  assertEquals([asked(user), kept()], [[0, 0], before]);
  const { tokens } = await take(1, [...flags, ...flag.split(" ")]);
  assertEquals([tokens?.length, asked(user)], [1, [1, 1]]);
  // What is kept is given as ever.
  assertEquals((await take(1, flags)).tokens, tokens);
});

Deno.test("no refresh token is used where the next one cannot be kept", async () => {
  await using user = await signedIn();
  const lock = `${user.here.home}/.stardag/credentials/.refresh.lock`;
  Deno.mkdirSync(lock);
  const source = signedInToken(loadConfig());
  const error = await assertRejects(async () => await source(undefined), errors.ConfigError);
  assertStringIncludes(error.message, "the next refresh token cannot be kept");
  assertStringIncludes(error.message, `Cannot change "${lock}"`);
  assertEquals(asked(user), [0, 0]);
});

Deno.test("a refresh token that turns out not to be kept is an error, and what the next try goes on with", async () => {
  await using user = await signedIn();
  const { provider } = user;
  const obstacle = `${user.here.home}/.stardag/credentials/.lock`;
  Deno.mkdirSync(obstacle);
  const source = signedInToken(loadConfig());
  for (const used of ["refresh-0-hidden", "refresh-1-hidden"]) {
    const error = await assertRejects(async () => await source(undefined), errors.ConfigError);
    assertStringIncludes(error.message, `its successor cannot be kept: Cannot change`);
    assertStringIncludes(error.message, 'sign in again with "stardag auth login"');
    assert(!Deno.inspect(error).includes("hidden"), Deno.inspect(error));
    assertEquals(provider.requests.at(-1)?.get("refresh_token"), used);
  }
  assertEquals(kept().refreshToken, "refresh-0-hidden");
  Deno.removeSync(obstacle);
  const token = await source(undefined);
  assertEquals(kept(), { token, refreshToken: "refresh-3-hidden", left: 480 });
});

Deno.test("a token that cannot be kept is given all the same", async () => {
  await using user = await signedIn();
  Deno.mkdirSync(`${user.here.home}/.stardag/access-token-cache/.lock`, { recursive: true });
  const source = signedInToken(loadConfig());
  const tokens = [await source(undefined), await source(undefined)];
  assertEquals(new Set(tokens).size, 2);
  assert(tokens.every((token) => user.service.tokens.has(token)));
  assertEquals(kept().refreshToken, "refresh-2-hidden");
});

Deno.test("an identity provider that may not be asked is named with its flag", async () => {
  await using user = await signedIn();
  const { here, service, provider } = user;
  const flags = [
    `--allow-env=STARDAG_*,${homeVariable()}`,
    `--allow-read=${here.root}`,
    `--allow-write=${here.root}`,
    `--allow-net=${new URL(service.url).host}`,
  ];
  const { flag, message } = await take(1, flags);
  assertEquals(flag, `--allow-net=${new URL(provider.url).host}`);
  assertStringIncludes(`${message}`, `Run with ${flag}`);
});

Deno.test("a sign-in that has ended says to sign in again, and shows no secret", async () => {
  await using user = await signedIn();
  const { provider } = user;
  provider.refreshToken = "another";
  const source = signedInToken(loadConfig());
  const error = await assertRejects(async () => await source(undefined), errors.TokenExpiredError);
  assertEquals([error.status, error.detail, error.isOutage], [400, "invalid_grant", false]);
  for (
    const part of [
      'Cannot sign in to the registry "local" as "me@example.com"',
      `identity provider at "${provider.url}" answers 400 "invalid_grant"`,
      'Sign in again with "stardag auth login", or set STARDAG_API_KEY, or build with STARDAG_NO_REGISTRY=1',
    ]
  ) assertStringIncludes(error.message, part);
  assert(!Deno.inspect(error).includes("hidden"), Deno.inspect(error));
  // Not even where the provider calls the error so.
  provider.fault = () => Response.json({ error: "no refresh-0-hidden" }, { status: 400 });
  const other = await assertRejects(async () => await source(undefined), errors.TokenExpiredError);
  assertEquals(other.detail, undefined);
  assert(!Deno.inspect(other).includes("hidden"), Deno.inspect(other));
});

Deno.test("an identity provider or a service that is out of order is an outage, and shows no secret", async () => {
  const page = "refresh-0-hidden identity-1-hidden";
  const cases: readonly (readonly [isOutage: boolean, (user: SignedIn) => unknown])[] = [
    [true, ({ provider }) => provider.fault = () => new Response(page, { status: 503 })],
    [true, ({ provider }) => provider.fault = () => new Response(page, { status: 429 })],
    [true, ({ provider }) => provider[Symbol.asyncDispose]()],
    [false, ({ provider }) => provider.fault = () => new Response(page)],
    [false, ({ provider }) => provider.fault = () => Response.json({ token: page })],
    [false, ({ provider }) => provider.fault = () => Response.redirect("http://x.example", 307)],
    [
      false,
      ({ service }) => service.accounts.identityTokens.add = () => service.accounts.identityTokens,
    ],
    [false, ({ service }) => service.fault = () => ({ kind: "answer", status: 200, body: page })],
  ];
  for (const [isOutage, breakIt] of cases) {
    await using user = await signedIn();
    await breakIt(user);
    const source = signedInToken(loadConfig());
    const error = await assertRejects(async () => await source(undefined), errors.RegistryError);
    assertEquals(error.isOutage, isOutage, error.message);
    assert(!(error instanceof errors.TokenExpiredError), error.message);
    assertStringIncludes(error.message, "Cannot sign in");
    assert(!error.message.includes("hidden"), error.message);
  }
});

Deno.test("a provider that does not answer is given up after the time that answers have", async () => {
  await using user = await signedIn({ STARDAG_API_TIMEOUT: "0.05" });
  const { promise, resolve } = Promise.withResolvers<void>();
  const { credentials } = user.provider;
  const hanging = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    await promise;
    return new Response();
  });
  const token_endpoint = `http://127.0.0.1:${hanging.addr.port}/`;
  user.writeCredentials({ ...credentials, token_endpoint });
  const source = signedInToken(loadConfig());
  const error = await assertRejects(async () => await source(undefined), errors.RegistryError);
  assertEquals(error.isOutage, true);
  assertStringIncludes(error.message, `"http://127.0.0.1:${hanging.addr.port}" cannot be reached`);
  resolve();
  await hanging.shutdown();
});

Deno.test("the session of a registry that signs people in itself is exchanged until it ends", async () => {
  await using user = await signedIn();
  const session = (endsIn: number) =>
    user.writeCredentials({
      auth_mode: "local",
      session_token: "session",
      session_expires_at: Date.now() / 1000 + endsIn,
    });
  user.service.accounts.identityTokens.add("session");
  session(60);
  // It is good until it ends, wherever it is written.
  const lock = `${user.here.home}/.stardag/credentials/.refresh.lock`;
  Deno.mkdirSync(lock);
  const source = signedInToken(loadConfig());
  const token = await source(undefined);
  assertEquals([asked(user), kept().token], [[0, 1], token]);
  session(-1);
  await assertRejects(async () => await source(token), errors.ConfigError, "stardag auth login");
});

Deno.test("who has signed out gets no token any more", async () => {
  await using user = await signedIn();
  const source = signedInToken(loadConfig());
  const token = await source(undefined);
  await removeCredentials(user.here.home, ...USER);
  const error = await assertRejects(async () => await source(token), errors.ConfigError);
  assertStringIncludes(error.message, "what was signed in with is gone");
});

Deno.test("a token that is set in code is given until it ends", async () => {
  await using user = await signedIn();
  Deno.removeSync(credentialsPath(user.here.home, ...USER));
  const config = loadConfig();
  const given = (endsIn: number) =>
    signedInToken({
      ...config,
      accessToken: { token: new Secret("given"), expiresAt: new Date(Date.now() + endsIn) },
    });
  assertEquals(await given(60_000)(undefined), "given");
  await assertRejects(async () => await given(-1)(undefined), errors.ConfigError);
});

Deno.test("credentials that cannot be used are an error that names the file and shows no secret", async () => {
  await using user = await signedIn();
  const { credentials } = user.provider;
  user.writeCredentials({ ...credentials, token_endpoint: "file:///etc/hidden" });
  const source = signedInToken(loadConfig());
  const error = await assertRejects(async () => await source(undefined), errors.ConfigError);
  assertStringIncludes(error.message, credentialsPath(user.here.home, ...USER));
  assert(!error.message.includes("hidden"), error.message);
});
