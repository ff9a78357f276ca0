import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ConfigError } from "../../../src/errors.ts";
import { CredentialsCache, type S3Credentials } from "../../../src/targets/s3/credentials.ts";

const SECRET = "sesame-open-up";

/** The n-th credentials of a provider, which last for so long from now on. */
function keys(n: number, lasting?: number): S3Credentials {
  return {
    accessKeyId: `key${n}`,
    secretAccessKey: SECRET,
    ...lasting !== undefined && { expiration: new Date(Date.now() + lasting) },
  };
}

interface Counted {
  asked: number;
  readonly cache: CredentialsCache;
}

/** Counts how often its provider was asked. */
function counting(lasting?: number): Counted {
  const counted: Counted = {
    asked: 0,
    cache: new CredentialsCache(() => keys(++counted.asked, lasting)),
  };
  return counted;
}

async function idOf(cache: CredentialsCache): Promise<string | undefined> {
  return (await cache.get())?.accessKeyId;
}

Deno.test("credentials that are given once are always the same, and anonymous ones are none", async () => {
  const cache = new CredentialsCache(keys(1, -1));
  const given = await cache.get();
  assertEquals(given?.accessKeyId, "key1");
  assert(given === await cache.get());
  assertEquals(cache.refuse(given!), false);
  assertEquals(await new CredentialsCache("anonymous").get(), undefined);
});

Deno.test("a provider is asked when it is first needed, and once however many need it", async () => {
  const counted = counting();
  assertEquals(counted.asked, 0);
  const all = await Promise.all(Array.from({ length: 50 }, () => idOf(counted.cache)));
  assertEquals([new Set(all), counted.asked], [new Set(["key1"]), 1]);
});

Deno.test("a provider is asked again 5 minutes before its credentials end", async () => {
  using time = new FakeTime();
  const counted = counting(60 * 60_000);
  assertEquals(await idOf(counted.cache), "key1");
  time.tick(55 * 60_000 - 1);
  assertEquals(await idOf(counted.cache), "key1");
  time.tick(1);
  assertEquals(await Promise.all([idOf(counted.cache), idOf(counted.cache)]), ["key2", "key2"]);
  assertEquals(counted.asked, 2);
});

Deno.test("of credentials that end soon, half the time is used", async () => {
  using time = new FakeTime();
  const counted = counting(2_000);
  assertEquals(await idOf(counted.cache), "key1");
  time.tick(999);
  assertEquals(await idOf(counted.cache), "key1");
  time.tick(1);
  assertEquals(await idOf(counted.cache), "key2");
  for (let i = 0; i < 100; i++) {
    time.tick(100);
    const { expiration } = await counted.cache.get() ?? {};
    assert(expiration!.getTime() > Date.now());
  }
  assertEquals(counted.asked, 12);
});

Deno.test("credentials are used to their end while their provider fails", async () => {
  using time = new FakeTime();
  let isUp = true;
  let asked = 0;
  const cache = new CredentialsCache(() => {
    asked++;
    if (!isUp) throw new Error("no sign of it");
    return keys(asked, 8_000);
  });
  assertEquals(await idOf(cache), "key1");
  isUp = false;
  time.tick(4_000);
  assertEquals(await Promise.all([idOf(cache), idOf(cache)]), ["key1", "key1"]);
  assertEquals(asked, 2);
  time.tick(1_999);
  assertEquals([await idOf(cache), asked], ["key1", 2]);
  time.tick(1);
  assertEquals([await idOf(cache), asked], ["key1", 3]);
  time.tick(2_000);
  const error = await assertRejects(() => cache.get(), ConfigError, "no sign of it");
  assertStringIncludes(error.message, "Cannot get credentials for S3: ");
  isUp = true;
  assertEquals(await idOf(cache), "key5");
});

Deno.test("credentials that have ended when they are handed in are an error", async () => {
  using _ = new FakeTime(new Date("2026-01-01T00:00:00Z"));
  const cache = new CredentialsCache(() => keys(1, -1_000));
  await assertRejects(() => cache.get(), ConfigError, 'have ended at "2025-12-31T23:59:59.000Z"');
});

Deno.test("a provider is asked again when its credentials were refused, once for all who used them", async () => {
  const counted = counting();
  const first = await counted.cache.get();
  assertEquals([counted.cache.refuse(first!), counted.cache.refuse(first!)], [true, true]);
  assertEquals(await Promise.all([idOf(counted.cache), idOf(counted.cache)]), ["key2", "key2"]);
  assertEquals([counted.cache.refuse(first!), await idOf(counted.cache)], [true, "key2"]);
  assertEquals(counted.asked, 2);
});

Deno.test("credentials that come again after they were refused are not asked for at once, but later", async () => {
  using time = new FakeTime();
  let asked = 0;
  let n = 1;
  const cache = new CredentialsCache(() => {
    asked++;
    return keys(n);
  });
  assertEquals(cache.refuse((await cache.get())!), true);
  assertEquals(cache.refuse((await cache.get())!), false);
  assertEquals([await idOf(cache), asked], ["key1", 2]);
  n = 2;
  time.tick(10_000);
  assertEquals([await idOf(cache), asked], ["key2", 3]);
  assertEquals(cache.refuse((await cache.get())!), true);
});

Deno.test("credentials of any object are taken, as AWS's libraries give them", async () => {
  class Identity {
    readonly accessKeyId = "key1";
    readonly expiration = new Date("2100-01-01");
    get secretAccessKey(): string {
      return SECRET;
    }
  }
  assertEquals(await new CredentialsCache(() => Promise.resolve(new Identity())).get(), {
    accessKeyId: "key1",
    secretAccessKey: SECRET,
    sessionToken: undefined,
    expiration: new Date("2100-01-01"),
  });
});

for (
  const [name, credentials, fault] of [
    ["without a key", { secretAccessKey: SECRET }, "the access key id is missing"],
    [
      "without a secret",
      { accessKeyId: "a", secretAccessKey: "" },
      "the secret access key is missing",
    ],
    [
      "with a line break",
      { accessKeyId: "a", secretAccessKey: `${SECRET}\n` },
      "the secret access key has",
    ],
    ["with a bad token", { ...keys(1), sessionToken: `${SECRET} ü` }, "the session token has"],
    [
      "that end at no time",
      { ...keys(1), expiration: new Date(NaN) },
      "the time at which they end",
    ],
  ] as const
) {
  Deno.test(`credentials ${name} are an error that shows none of them`, async () => {
    // As it comes from code without types.
    const given: unknown = credentials;
    const error = assertThrows(
      () => new CredentialsCache(given as S3Credentials),
      ConfigError,
      fault,
    );
    assert(!Deno.inspect(error).includes(SECRET));
    await assertRejects(
      () => new CredentialsCache(() => given as S3Credentials).get(),
      ConfigError,
    );
  });
}

Deno.test("what is handed in and is no credentials at all is an error", async () => {
  const cache = new CredentialsCache(() => JSON.parse(`"${SECRET}"`));
  const error = await assertRejects(() => cache.get(), ConfigError, "it gives string");
  assert(!Deno.inspect(error).includes(SECRET));
});

Deno.test("credentials cannot be seen in what keeps them", async () => {
  const cache = new CredentialsCache(() => ({ ...keys(1), sessionToken: "of-the-session" }));
  await cache.get();
  for (const text of [Deno.inspect(cache, { depth: 9, showHidden: true }), JSON.stringify(cache)]) {
    assert(!/sesame|of-the-session/.test(text), text);
  }
});
