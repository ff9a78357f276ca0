import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import * as errors from "../../src/errors.ts";
import {
  ApiClient,
  type ApiClientOptions,
  type ApiRequest,
  type TokenSource,
} from "../../src/registries/api_client.ts";
import { advance, until } from "../support/over_http.ts";
import { FAULTS, RegistryService } from "../support/registry_service.ts";

const URL_ = "http://registry.test:8000";
const KEY = "sk_a_secret_key";
const LOOK: ApiRequest = { action: "look", method: "GET", path: "/things" };
const TELL: ApiRequest = { action: "tell", method: "POST", path: "/things/1/start" };
const BEGIN: ApiRequest = { ...TELL, action: "begin", json: "{}", isIdempotent: false };

/** What a service does with a request: answers, or throws as `fetch` does. */
type Step = Response | Error | ((init: RequestInit) => Response | Promise<Response>);

/** Does one step for each request, and remembers what was sent and when. */
class Script {
  readonly sent: { readonly url: string; readonly headers: Headers; readonly at: number }[] = [];
  readonly #steps: Step[];

  constructor(...steps: readonly Step[]) {
    this.#steps = [...steps];
  }

  readonly fetch = (url: string, init: RequestInit): Promise<Response> => {
    this.sent.push({ url, headers: new Headers(init.headers), at: Date.now() });
    const step = this.#steps.shift();
    if (step === undefined) throw new Error("nothing more is expected");
    if (step instanceof Error) return Promise.reject(step);
    return Promise.resolve(typeof step === "function" ? step(init) : step);
  };

  client(options: Partial<ApiClientOptions> = {}): ApiClient {
    return new ApiClient({ url: URL_, apiKey: KEY, fetch: this.fetch, ...options });
  }

  /** The waits between the requests. */
  get waits(): readonly number[] {
    return this.sent.slice(1).map(({ at }, i) => at - this.sent[i]!.at);
  }
}

function answer(status: number, body: unknown = {}, headers: HeadersInit = {}): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

function ok(): Response {
  return answer(200);
}

/** What `fetch` throws when nobody listens. */
function refused(): Error {
  const cause = new Error(
    `error sending request for url (${URL_}/api/v1/things?error_message=a+(b)): ` +
      "client error (Connect): tcp connect error: Connection refused (os error 111)",
  );
  return new TypeError("fetch failed", { cause });
}

/** What `fetch` throws when the connection ends before the answer. */
function dropped(): Error {
  const cause = new Error(
    `error sending request from 127.0.0.1:1 for ${URL_}/ (127.0.0.1:8000): ` +
      "client error (SendRequest): connection closed before message completed",
  );
  return new TypeError("fetch failed", { cause });
}

/** Lets time pass until the promise has settled. */
async function settled<T>(time: FakeTime, promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const result = Promise.allSettled([promise]);
  await time.runAllAsync();
  return (await result)[0];
}

async function rejected(time: FakeTime, promise: Promise<unknown>): Promise<errors.RegistryError> {
  const result = await settled(time, promise);
  assert(result.status === "rejected", "it was answered");
  assertInstanceOf(result.reason, errors.RegistryError);
  return result.reason;
}

function between(value: number | undefined, least: number, most: number): void {
  assert(value !== undefined && value >= least && value <= most, `${value}: ${least} to ${most}`);
}

// ---- what is sent ----

Deno.test("a request with an API key carries it, and no environment", async () => {
  const script = new Script(ok(), ok());
  const client = script.client({ url: `${URL_}/base//`, environmentId: "the environment" });
  await client.request({
    ...TELL,
    query: { error_message: "a & b?", reason: "", owner: undefined },
  });
  await client.request(BEGIN);
  const [told, begun] = script.sent;
  assertEquals(told?.url, `${URL_}/base/api/v1/things/1/start?error_message=a+%26+b%3F`);
  assertEquals([...told!.headers], [["x-api-key", KEY]]);
  assertEquals(begun?.url, `${URL_}/base/api/v1/things/1/start`);
  assertEquals([...begun!.headers], [["content-type", "application/json"], ["x-api-key", KEY]]);
});

Deno.test("a request with a token carries it and the environment", async () => {
  const script = new Script(ok());
  const client = script.client({ apiKey: undefined, token: "a.b.c", environmentId: "e 1" });
  await client.request({ ...TELL, query: { error_message: "why" } });
  const [told] = script.sent;
  assertEquals(
    told?.url,
    `${URL_}/api/v1/things/1/start?environment_id=e+1&error_message=why`,
  );
  assertEquals([...told!.headers], [["authorization", "Bearer a.b.c"]]);
});

Deno.test("a long text is cut so that the address fits, between characters", async () => {
  for (
    const text of ["x".repeat(9000), "ä".repeat(9000), "a🎉".repeat(5000), "\ud800".repeat(9000)]
  ) {
    const script = new Script(ok());
    await script.client().request({ ...TELL, query: { error_message: text } });
    const { pathname, search, searchParams } = new URL(script.sent[0]!.url);
    const length = pathname.length + search.length;
    between(length, 8192 - 64 - 12, 8192 - 64);
    const sent = searchParams.get("error_message")!;
    assert(sent.endsWith(" [...]"));
    assertEquals(sent.slice(0, -6), text.slice(0, sent.length - 6).toWellFormed());
  }
});

Deno.test("a text that just fits is not cut", async () => {
  const room = 8192 - 64 - "/api/v1/things/1/start?error_message=".length;
  for (const [length, isCut] of [[room, false], [room + 1, true]] as const) {
    const script = new Script(ok());
    await script.client().request({ ...TELL, query: { error_message: "x".repeat(length) } });
    assertEquals(script.sent[0]!.url.endsWith("%5B...%5D"), isCut);
  }
});

// ---- what is answered ----

Deno.test("an answer has its status and its body, long integers too", async () => {
  const script = new Script(answer(201, '{"n": 12345678901234567890}'));
  const { status, body } = await script.client().request(LOOK);
  assertEquals([status, body], [201, { n: 12345678901234567890n }]);
});

Deno.test("an answer that is no JSON is a refusal once somebody looks at it", async () => {
  const script = new Script(answer(200, "<html>"));
  const got = await script.client().request(LOOK);
  const error = assertThrows(() => got.body, errors.RegistryError);
  assertEquals(error.isOutage, false);
  assertEquals(
    error.message,
    `Cannot look: the registry at "${URL_}" answers 200 with a text that is no JSON. ` +
      "Check its url: this is no address of a registry service",
  );
});

/** Status, body, kind, and what the message ends with. */
const REFUSALS: readonly (readonly [number, unknown, typeof errors.ApiError, string])[] = [
  [401, { detail: "Token has expired" }, errors.TokenExpiredError, 'with "stardag auth login"'],
  [401, { detail: "Invalid API key" }, errors.InvalidApiKeyError, "have another one made"],
  [401, { detail: "Not authenticated" }, errors.NotAuthenticatedError, "Set STARDAG_API_KEY, or"],
  [401, "", errors.NotAuthenticatedError, "Set STARDAG_API_KEY, or"],
  [
    401,
    { detail: "Authentication required. Provide X-API-Key header or Bearer token." },
    errors.NotAuthenticatedError,
    "Set STARDAG_API_KEY, or",
  ],
  [
    401,
    { detail: "Invalid token: Not enough segments" },
    errors.InvalidTokenError,
    "Sign in again",
  ],
  [403, { detail: "No access to this environment" }, errors.EnvironmentAccessError, "to the env"],
  [403, { detail: "No" }, errors.AuthorizationError, "Ask for access"],
  [404, { detail: "Not Found" }, errors.NotFoundError, "Check its url"],
  [409, { detail: "Not yours" }, errors.ApiError, "fit together"],
  [422, { detail: [{ loc: ["body", 0, "x"], msg: "is bad" }] }, errors.ApiError, "fit together"],
  [418, { detail: { error_message: "held" } }, errors.ApiError, 'answers 418 "held"'],
  [418, { detail: { message: "held" } }, errors.ApiError, 'answers 418 "held"'],
  [418, { what: 1 }, errors.ApiError, `answers 418 "{"what":1}"`],
];

for (const [status, body, Kind, says] of REFUSALS) {
  Deno.test(`an answer ${status} ${JSON.stringify(body)} is ${Kind.name}, and asked for once`, async () => {
    const script = new Script(answer(status, body));
    const error = await assertRejects(() => script.client().request(LOOK), errors.ApiError);
    assertEquals(error.constructor, Kind);
    assertEquals([error.name, error.status, error.isOutage], [Kind.name, status, false]);
    assert(error instanceof errors.RegistryError && error instanceof errors.StardagError);
    assertStringIncludes(error.message, says);
    assert(error.message.startsWith(`Cannot look: the registry at "${URL_}" answers ${status}`));
    assertEquals(script.sent.length, 1);
  });
}

Deno.test("404 is of an id only where the service says so, and was told one", async () => {
  const ID = "Check the id, and that it is of this environment";
  const URL = "Check its url: this is no address of a registry service";
  const begin = { ...BEGIN, path: "/builds" };
  const cases: readonly (readonly [ApiRequest, unknown, string])[] = [
    [TELL, { detail: "Task not found" }, ID],
    [TELL, { detail: "Not Found" }, URL],
    [TELL, "<!DOCTYPE html><h1>Nothing here</h1>", URL],
    [TELL, "", URL],
    [TELL, { error: "no such page" }, URL],
    [begin, { detail: "No route" }, URL],
  ];
  for (const [request, body, says] of cases) {
    const client = new Script(answer(404, body)).client();
    const error = await assertRejects(() => client.request(request), errors.NotFoundError);
    assert(error.message.endsWith(`. ${says}`), error.message);
  }
});

Deno.test("what is said of an error is kept, lists of it in one line", async () => {
  const detail = [{ loc: ["body", 0, "x"], msg: "is bad" }, {
    loc: ["query", "n"],
    msg: "is worse",
  }];
  const script = new Script(answer(422, { detail }), answer(400, "x".repeat(10_000)));
  const client = script.client();
  const first = await assertRejects(() => client.request(LOOK), errors.ApiError);
  assertEquals(first.detail, "body.0.x: is bad; query.n: is worse");
  const second = await assertRejects(() => client.request(LOOK), errors.ApiError);
  assertEquals(second.detail, "x".repeat(500));
});

Deno.test("a status that is accepted is an answer", async () => {
  using time = new FakeTime();
  const script = new Script(answer(423, { detail: 1 }), answer(429, { detail: 2 }));
  const client = script.client();
  const accept = (status: number, detail: unknown): boolean => status === 423 || detail === 2;
  for (const detail of [1, 2]) {
    const result = await settled(time, client.request({ ...TELL, accept }));
    assert(result.status === "fulfilled");
    assertEquals(result.value.body, { detail });
  }
});

Deno.test("a redirection is not followed, and the message says where it leads", async () => {
  const elsewhere = "https://elsewhere.test/api/v1/things";
  const script = new Script(answer(307, "", { Location: elsewhere }));
  const error = await assertRejects(() => script.client().request(LOOK), errors.ApiError);
  assertEquals([error.status, error.isOutage], [307, false]);
  assertStringIncludes(error.message, `"${elsewhere}", which is not followed`);

  await using service = await RegistryService.start();
  await using other = await RegistryService.start();
  const headers = { Location: `${other.url}/api/v1/things` };
  service.fault = () => ({ kind: "answer", status: 308, headers });
  await assertRejects(() => new ApiClient(service.options).request(TELL), errors.ApiError);
  assertEquals(other.requests, []);
});

// ---- asking again ----

Deno.test("a service that cannot be reached is asked four times, at growing intervals", async () => {
  using time = new FakeTime();
  for (const request of [LOOK, TELL, BEGIN]) {
    const script = new Script(refused(), refused(), refused(), refused());
    const error = await rejected(time, script.client().request(request));
    assertEquals([error.isOutage, error.constructor], [true, errors.RegistryError]);
    assertEquals(
      error.message,
      `Cannot ${request.action}: the registry at "${URL_}" cannot be reached (client error (Connect): tcp ` +
        "connect error: Connection refused (os error 111)). Check its url, and whether it is up",
    );
    assertEquals(script.sent.length, 4);
    for (const [i, wait] of script.waits.entries()) between(wait, 250 * 2 ** i, 500 * 2 ** i);
  }
});

Deno.test("what is answered in the end counts", async () => {
  using time = new FakeTime();
  const script = new Script(refused(), answer(503), dropped(), ok());
  assertEquals((await settled(time, script.client().request(TELL))).status, "fulfilled");
});

Deno.test("an answer that passes is asked for again", async () => {
  using time = new FakeTime();
  for (const status of [429, 502, 503, 504]) {
    const script = new Script(...Array.from({ length: 4 }, () => answer(status, "so it is")));
    const error = await rejected(time, script.client().request(TELL));
    assertInstanceOf(error, errors.ApiError);
    assertEquals([error.status, error.detail, error.isOutage], [status, "so it is", true]);
    assertEquals(script.sent.length, 4);
  }
});

Deno.test("what may have been done already is not done again unless it is idempotent", async () => {
  using time = new FakeTime();
  for (const step of [dropped(), answer(502), answer(503), answer(504)]) {
    const script = new Script(step);
    const error = await rejected(time, script.client().request(BEGIN));
    assertEquals([error.isOutage, script.sent.length], [true, 1]);
  }
  const script = new Script(answer(429), refused(), ok());
  assertEquals((await settled(time, script.client().request(BEGIN))).status, "fulfilled");
});

Deno.test("500 is asked for again once, and only where two at once can collide", async () => {
  using time = new FakeTime();
  const sent = async (request: ApiRequest, ...steps: readonly Step[]): Promise<unknown> => {
    const script = new Script(...steps);
    const result = await settled(time, script.client().request(request));
    if (result.status === "rejected") {
      assert(result.reason instanceof errors.ApiError && result.reason.isOutage);
    }
    return [result.status, script.sent.length];
  };
  const bad = (): Response => answer(500, "Internal Server Error");
  const collides = { ...TELL, canCollide: true };
  assertEquals(await sent(TELL, bad()), ["rejected", 1]);
  assertEquals(await sent(collides, bad(), ok()), ["fulfilled", 2]);
  assertEquals(await sent(collides, bad(), bad()), ["rejected", 2]);
});

Deno.test("Retry-After is heeded, as seconds and as a date, but not for long", async () => {
  const cases = [
    ["7", 7000],
    ["0", 0],
    ["-3", 0],
    ["Fri, 02 Jan 2026 03:04:15 GMT", 10_000],
    ["Fri, 02 Jan 2026 03:04:00 GMT", 0],
    ["soon", 0],
  ] as const;
  for (const [header, least] of cases) {
    using time = new FakeTime("2026-01-02T03:04:05Z");
    const script = new Script(answer(429, {}, { "Retry-After": header }), ok());
    await settled(time, script.client().request(TELL));
    between(script.waits[0], least + 250, least + 500);
  }
  using time = new FakeTime();
  const script = new Script(answer(503, {}, { "Retry-After": "120" }));
  assert((await rejected(time, script.client().request(TELL))).isOutage);
  assertEquals(script.sent.length, 1);
});

Deno.test("an answer that takes too long is given up, and not asked for again", async () => {
  using time = new FakeTime();
  const never = ({ signal }: RequestInit): Promise<Response> =>
    new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)));
  const endless = ({ signal }: RequestInit): Response =>
    new Response(
      new ReadableStream({
        start: (controller) =>
          signal!.addEventListener("abort", () => controller.error(signal!.reason)),
      }),
    );
  for (const step of [never, endless]) {
    const script = new Script(step);
    const start = Date.now();
    const error = await rejected(time, script.client({ timeout: 1234 }).request(LOOK));
    assertEquals(Date.now() - start, 1234);
    assertEquals(
      [error.isOutage, error.message],
      [
        true,
        `Cannot look: the registry at "${URL_}" has not answered within 1234 ms. Check whether it is up, ` +
        "or give it more time by the option timeout, or STARDAG_API_TIMEOUT",
      ],
    );
  }
});

// ---- tokens ----

/** A token like those of the service, for so many milliseconds from now. */
function jwt(name: string, life: number): string {
  const part = (value: unknown): string =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${part({ alg: "none" })}.${part({ sub: name, exp: (Date.now() + life) / 1000 })}.sign`;
}

const EXPIRED = (): Response => answer(401, { detail: "Token has expired" });

/** A client with a source of tokens, and what the source was asked for. */
function withTokens(
  script: Script,
  source: TokenSource,
): { readonly client: ApiClient; readonly asked: (string | undefined)[] } {
  const asked: (string | undefined)[] = [];
  const token: TokenSource = (previous) => {
    asked.push(previous);
    return source(previous);
  };
  return { client: script.client({ apiKey: undefined, token, environmentId: "e" }), asked };
}

function tokensOf(script: Script): readonly (string | undefined)[] {
  return script.sent.map(({ headers }) => headers.get("Authorization")?.replace("Bearer ", ""));
}

Deno.test("a source of tokens is asked once by many at once", async () => {
  const script = new Script(...Array.from({ length: 9 }, ok));
  const { client, asked } = withTokens(script, async () => await Promise.resolve("t1"));
  await Promise.all(Array.from({ length: 8 }, () => client.request(TELL)));
  await client.request(TELL);
  assertEquals([asked, tokensOf(script)], [[undefined], Array(9).fill("t1")]);
});

Deno.test("a token is renewed before it ends", async () => {
  using time = new FakeTime();
  const script = new Script(ok(), ok(), ok());
  let count = 0;
  const { client, asked } = withTokens(script, () => jwt(`t${++count}`, 600_000));
  await client.request(TELL);
  const first = tokensOf(script)[0];
  time.tick(479_000);
  await client.request(TELL);
  time.tick(2000);
  await client.request(TELL);
  assertEquals(asked, [undefined, first]);
  const [a, b, c] = tokensOf(script);
  assert(a === b && b !== c && c !== undefined);
});

Deno.test("a token that has ended by the clock of this machine is used until the service says so", async () => {
  const script = new Script(ok(), ok(), EXPIRED(), ok());
  let count = 0;
  const { client, asked } = withTokens(script, () => jwt(`t${++count}`, -600_000));
  for (let n = 0; n < 3; n++) await client.request(TELL);
  assertEquals(asked, [undefined, tokensOf(script)[0]]);
});

Deno.test("an answer that is no JSON is not shown: it may be a token", async () => {
  const answered = await new Script(new Response("SECRET", { status: 200 })).client().request(TELL);
  const error = assertThrows(() => answered.body);
  assert(!Deno.inspect(error).includes("SECRET"));
});

Deno.test("a token that cannot be renewed in time is used as long as it is good", async () => {
  using time = new FakeTime();
  const script = new Script(ok(), ok());
  let count = 0;
  const { client, asked } = withTokens(script, () => {
    if (++count > 1) throw new Error("nobody answers");
    return jwt("t", 600_000);
  });
  await client.request(TELL);
  time.tick(590_000);
  await client.request(TELL);
  time.tick(20_000);
  const error = await assertRejects(() => client.request(TELL), errors.RegistryError);
  assertStringIncludes(error.message, `no token can be had for the registry at "${URL_}": nobody`);
  assertEquals([error.isOutage, asked.length, script.sent.length], [false, 3, 2]);
});

Deno.test("an expired token is replaced once, by one for all who met with it", async () => {
  let count = 0;
  const gate = Promise.withResolvers<Response>();
  const script = new Script(EXPIRED(), () => gate.promise, ok(), ok());
  const { client, asked } = withTokens(script, () => `t${++count}`);
  const both = [client.request(TELL), client.request(BEGIN)];
  await both[0];
  gate.resolve(EXPIRED());
  await both[1];
  assertEquals(asked, [undefined, "t1"]);
  assertEquals(tokensOf(script), ["t1", "t1", "t2", "t2"]);

  const again = new Script(EXPIRED(), EXPIRED());
  const second = withTokens(again, () => `t${++count}`);
  await assertRejects(() => second.client.request(TELL), errors.TokenExpiredError);
  assertEquals(again.sent.length, 2);
});

Deno.test("an expired token that is a text is an error at once", async () => {
  const script = new Script(EXPIRED());
  const client = script.client({ apiKey: undefined, token: "t", environmentId: "e" });
  await assertRejects(() => client.request(TELL), errors.TokenExpiredError);
  assertEquals(script.sent.length, 1);
});

Deno.test("an error of a source of tokens is told as it is where it says what it is", async () => {
  const outage = new errors.RegistryError("out", { isOutage: true });
  const script = new Script(ok());
  let error: unknown = outage;
  const { client } = withTokens(script, () => {
    if (error === undefined) return "t";
    throw error;
  });
  assertEquals(await assertRejects(() => client.request(TELL)), outage);
  error = undefined;
  await client.request(TELL);
  for (const bad of ["", "a b", "a\nb", 7 as unknown as string]) {
    const other = withTokens(new Script(), () => bad);
    const refusal = await assertRejects(() => other.client.request(TELL), errors.RegistryError);
    assertStringIncludes(refusal.message, "the token is ");
  }
});

// ---- closing ----

Deno.test("close() gives up what is under way and what waits, and nothing can be asked after it", async () => {
  using time = new FakeTime();
  const never = ({ signal }: RequestInit): Promise<Response> =>
    new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)));
  const script = new Script(never, answer(503, {}, { "Retry-After": "50" }));
  const client = script.client();
  const both = Promise.allSettled([client.request(LOOK), client.request(LOOK)]);
  await time.runMicrotasks();
  await client.close();
  for (const result of await both) {
    assert(result.status === "rejected");
    assertStringIncludes(result.reason.message, "was closed here");
  }
  await assertRejects(() => client.request(LOOK), errors.RegistryError, "was closed here");
  assertEquals(time.next(), false);
});

// ---- options and secrets ----

Deno.test("options that cannot work are refused, without showing a secret", () => {
  const refusals: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ url: "registry.test" }, `its url is "registry.test"`],
    [{ url: "ftp://registry.test" }, "its url is"],
    [{ url: "http://user:secret@registry.test" }, "its url has a user name or a password"],
    [{ url: "http://registry.test/?a=secret" }, `has "?" or "#" after "http://registry.test/"`],
    [{ apiKey: "secret", token: "secret" }, "both an apiKey and a token"],
    [{ apiKey: "" }, "the apiKey is empty"],
    [{ apiKey: "sec ret" }, "the apiKey is a text with spaces"],
    [{ token: "secret\n" }, "the token is a text with spaces"],
    [{ apiKey: 7 }, "the apiKey is of type number"],
    [{ timeout: 0 }, "timeout is 0"],
    [{ timeout: Infinity }, "timeout is Infinity"],
    [{ api_key: "secret" }, `there is no option "api_key"`],
  ];
  for (const [options, says] of refusals) {
    const error = assertThrows(() => new ApiClient({ url: URL_, ...options }), Error, says);
    assert(error instanceof TypeError || error instanceof RangeError);
    assert(!/sec ?ret/.test(error.message.replace("secret@", "")), error.message);
  }
});

Deno.test("secrets are shown nowhere, also not those that come back", async () => {
  using time = new FakeTime();
  const token = "a.secret.token";
  const page = `<pre>X-API-Key: ${KEY} Authorization: Bearer ${token}</pre>`;
  const script = new Script(
    answer(400, page),
    answer(400, { detail: "x".repeat(490) + KEY }),
    refused(),
    refused(),
    refused(),
    refused(),
  );
  const client = script.client();
  const other = new Script(answer(403, page))
    .client({ apiKey: undefined, token, environmentId: "e" });
  const shown: string[] = [Deno.inspect(client, { depth: 10, showHidden: true }), String(client)];
  shown.push(JSON.stringify(client), Deno.inspect(other, { depth: 10 }));
  const failures = [
    await rejected(time, client.request(LOOK)),
    await rejected(time, client.request(LOOK)),
    await rejected(time, client.request(LOOK)),
  ];
  shown.push(...failures.flatMap((each) => [Deno.inspect(each), JSON.stringify(each)]));
  const echoed = await rejected(time, other.request(LOOK));
  assert(!Deno.inspect(echoed).includes(token));
  for (const text of shown) assert(!text.includes(KEY.slice(0, 10)), text);
  assertStringIncludes(failures[0]!.message, "X-API-Key: ... Auth");
});

Deno.test({
  name: "a service that Deno may not connect to is named with the flag",
  permissions: "none",
  async fn() {
    for (
      const [url, flag] of [
        ["http://127.0.0.1:8000", "--allow-net=127.0.0.1:8000"],
        ["https://registry.test/base", "--allow-net=registry.test:443"],
        ["http://[::1]", "--allow-net=[::1]:80"],
      ] as const
    ) {
      const error = await assertRejects(
        () => new ApiClient({ url, apiKey: KEY }).request(LOOK),
        errors.PermissionError,
      );
      assertEquals(error.flag, flag);
      assertStringIncludes(error.message, `Run with ${flag}, which lets it tell the registry`);
    }
  },
});

// ---- over HTTP ----

Deno.test("who asks without being known is told what to do", async () => {
  await using service = await RegistryService.start();
  const { url, environmentId } = service;
  const ask = (options: Partial<ApiClientOptions>): Promise<unknown> =>
    new ApiClient({ url, ...options }).request({ ...LOOK, path: "/builds" });
  const [token = ""] = service.tokens;
  await ask({ apiKey: service.apiKey });
  await ask({ token, environmentId });
  await assertRejects(() => ask({}), errors.NotAuthenticatedError);
  await assertRejects(() => ask({ apiKey: "sk_other" }), errors.InvalidApiKeyError);
  await assertRejects(() => ask({ token: "t", environmentId }), errors.InvalidTokenError);
  await assertRejects(
    () => ask({ token, environmentId: "another" }),
    errors.EnvironmentAccessError,
  );
  service.expire(token);
  await assertRejects(() => ask({ token, environmentId }), errors.TokenExpiredError);
  service.tokens.add("new");
  await ask({ token: (previous) => previous === undefined ? token : "new", environmentId });
  for (const { headers } of service.requests) {
    assert(!("x-api-key" in headers && "authorization" in headers));
  }
});

Deno.test("a connection is used again and again, also after errors", async () => {
  await using service = await RegistryService.start();
  const client = new ApiClient(service.options);
  for (let i = 0; i < 100; i++) {
    await client.request({ ...LOOK, path: "/builds" });
    await assertRejects(() => client.request({ ...LOOK, path: "/tasks/x" }), errors.NotFoundError);
  }
  assertEquals(service.requests.length, 200);
  // Not always one: it may be asked for before it is back.
  assert(service.connections < 20, `${service.connections} connections`);
});

Deno.test("a connection that is dropped is an outage, also in the middle of an answer", async () => {
  await using service = await RegistryService.start();
  const client = new ApiClient(service.options);
  const begin = { ...BEGIN, path: "/builds" };
  service.fault = () => ({ kind: "drop", isDone: true });
  const error = await assertRejects(() => client.request(begin), errors.RegistryError);
  assert(error.isOutage);
  assertEquals(service.registry.builds().length, 1);
  service.fault = ({ number }) => number === 2 ? FAULTS.drop : undefined;
  using time = new FakeTime();
  assertEquals((await until(time, client.request({ ...LOOK, path: "/builds" }))).status, 200);
  assertEquals(service.requests.length, 3);
});

Deno.test("a service that is down was certainly not reached, and is asked until it is up", async () => {
  await using service = await RegistryService.start();
  let sent = 0;
  const client = new ApiClient({
    ...service.options,
    fetch(url, init) {
      sent++;
      return fetch(url, init);
    },
  });
  await service.down();
  using time = new FakeTime();
  const begun = client.request({ ...BEGIN, path: "/builds" });
  while (sent < 2) await advance(time);
  await service.up();
  assertEquals((await until(time, begun)).status, 201);
  assertEquals(service.registry.builds().length, 1);
});
