import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { randomOf } from "./random.ts";
import { type AskOptions, askS3, type S3Place } from "./s3_client.ts";
import { atMostPerSecond, faultsAtRate, S3_REFUSALS } from "./s3_faults.ts";
import { type S3Server, type S3ServerOptions, startS3Server } from "./s3_server.ts";
import { S3ServerProcess } from "./s3_server_process.ts";
import { requestOf, valueIn } from "./s3_wire.ts";

/** What a server answers, with its body. */
interface Told {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** Of the error; `undefined` for none. */
  readonly code: string | undefined;
}

async function tell(
  server: S3Place,
  method: string,
  path: string,
  options: AskOptions = {},
): Promise<Told> {
  const response = await askS3(server, method, path, options);
  const text = await response.text();
  const { status, headers } = response;
  return {
    status,
    text,
    headers,
    code: text.includes("<Error>") ? valueIn(text, "Code") : undefined,
  };
}

function test(
  fact: string,
  prove: (server: S3Server) => Promise<void>,
  options: S3ServerOptions = {},
): void {
  Deno.test(`the S3 server ${fact}`, async () => {
    await using server = await startS3Server(options);
    await prove(server);
  });
}

test("lets in who has signed well, and nobody else", async (server) => {
  const { url, region, credentials } = server;
  const ask = (place: Partial<S3Place>, options?: AskOptions) =>
    tell({ url, region, credentials, ...place }, "PUT", "/bucket/a%20b", {
      body: "123456789",
      ...options,
    });
  const minute = 60_000;
  const at = (offset: number) => ({ date: new Date(Date.now() + offset) });
  const hash = (hash: string) => ({ headers: { "x-amz-content-sha256": hash } });
  const header = (name: string, value: string) => ({ headers: { [name]: value } });
  const session = server.issue();
  const { sessionToken: _, ...noToken } = session;
  const cases: readonly (readonly [Promise<Told>, number, string?])[] = [
    [ask({}), 200],
    [ask({}, at(-14 * minute)), 200],
    [ask({}, hash("UNSIGNED-PAYLOAD")), 200],
    [ask({}, header("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")), 200],
    [ask({}, header("x-amz-checksum-crc32", "y/Q5Jg==")), 200],
    [ask({}, header("x-amz-checksum-crc32c", "4waSgw==")), 200],
    [ask({}, header("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=")), 200],
    [ask({}, header("content-md5", "nd1JBrN/kyiAB0Rmqh4YCw==")), 400, "BadDigest"],
    [ask({}, header("x-amz-checksum-crc32", "4waSgw==")), 400, "BadDigest"],
    [ask({}, header("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")), 501, "NotImplemented"],
    [ask({}, hash("0".repeat(64))), 400, "XAmzContentSHA256Mismatch"],
    [ask({}, at(-16 * minute)), 403, "RequestTimeTooSkewed"],
    [ask({}, at(16 * minute)), 403, "RequestTimeTooSkewed"],
    [
      ask({ credentials: { ...credentials, secretAccessKey: "wrong" } }),
      403,
      "SignatureDoesNotMatch",
    ],
    [ask({ credentials: { ...credentials, accessKeyId: "no" } }), 403, "InvalidAccessKeyId"],
    [ask({ region: "eu-west-1" }), 400, "AuthorizationHeaderMalformed"],
    [ask({ credentials: session }), 200],
    [ask({ credentials: noToken }), 400, "InvalidToken"],
    [ask({ credentials: server.issue(0) }), 400, "ExpiredToken"],
  ];
  for (const [index, [told, status, code]] of cases.entries()) {
    const { status: actual, code: actualCode, text } = await told;
    assertEquals([actual, actualCode], [status, code], `${index}: ${text}`);
  }
});

test("says in which region a bucket is", async (server) => {
  const get = () => tell(server, "GET", "/far/x");
  const told = await get();
  assertEquals([told.status, told.code], [400, "AuthorizationHeaderMalformed"]);
  assertEquals(valueIn(told.text, "Region"), "eu-west-1");
  assertEquals(told.headers.get("x-amz-bucket-region"), "eu-west-1");
  server.redirects = true;
  const sent = await get();
  assertEquals([sent.status, sent.code], [301, "PermanentRedirect"]);
  assertEquals(sent.headers.get("x-amz-bucket-region"), "eu-west-1");
  const { url, credentials } = server;
  const right = await tell({ url, credentials, region: "eu-west-1" }, "GET", "/far/x");
  assertEquals(right.code, "NoSuchKey");
}, { buckets: { far: { region: "eu-west-1" } } });

test("answers who does not sign from public buckets only", async (server) => {
  server.put("open", "x", "content");
  const get = async (path: string) => {
    const response = await fetch(server.url + path);
    return [response.status, await response.text()] as const;
  };
  assertEquals(await get("/open/x"), [200, "content"]);
  const [status, text] = await get("/shut/x");
  assertEquals([status, valueIn(text, "Code")], [403, "AccessDenied"]);
  assertStringIncludes((await get("/none/x"))[1], "NoSuchBucket");
}, { buckets: { open: { isPublic: true }, shut: {} } });

test("does not tell what is missing to who may not list", async (server) => {
  for (const path of ["/blind/x", "/blind?list-type=2"]) {
    const { status, code } = await tell(server, "GET", path);
    assertEquals([status, code], [403, "AccessDenied"]);
  }
}, { buckets: { blind: { mayList: false } } });

test("finds a bucket in the name of the host", async (server) => {
  server.put("bucket", "a/b", "content");
  const host = server.url.replace("http://127.0.0.1", "bucket.localhost");
  const request = requestOf({ method: "GET", url: "/a/b", headers: { host } }, 1);
  assertEquals([request.bucket, request.key], ["bucket", "a/b"]);
  await Promise.resolve();
});

test("wants to know the length of what it is to store", async (server) => {
  const body = ReadableStream.from([new Uint8Array(3)]);
  const response = await fetch(`${server.url}/open/x`, { method: "PUT", body });
  assertEquals(response.status, 411);
  assertStringIncludes(await response.text(), "MissingContentLength");
}, { buckets: { open: { isPublic: true } } });

test("writes only when the conditions hold", async (server) => {
  const put = async (body: string, headers: Readonly<Record<string, string>>) => {
    const { status, code } = await tell(server, "PUT", "/bucket/x", { body, headers });
    return code === undefined ? status : `${status} ${code}`;
  };
  assertEquals(await put("0", { "if-match": "*" }), "404 NoSuchKey");
  assertEquals(await put("1", { "if-none-match": "*" }), 200);
  assertEquals(await put("2", { "if-none-match": "*" }), "412 PreconditionFailed");
  const etag = (await tell(server, "HEAD", "/bucket/x")).headers.get("etag") ?? "";
  assertEquals(await put("3", { "if-match": '"other"' }), "412 PreconditionFailed");
  assertEquals(await put("3", { "if-match": etag }), 200);
  assertEquals(await put("4", { "if-match": etag }), "412 PreconditionFailed");
  const next = (await tell(server, "HEAD", "/bucket/x")).headers.get("etag") ?? "";
  assertEquals(await put("5", { "if-match": next.replaceAll('"', "") }), 200);
  server.ignoresConditions = true;
  assertEquals(await put("6", { "if-none-match": "*" }), 200);
  assertEquals((await tell(server, "GET", "/bucket/x")).text, "6");
});

test("reads parts, and what has changed", async (server) => {
  server.put("bucket", "x", "0123456789");
  const get = async (headers: Readonly<Record<string, string>>) => {
    const { status, text, code, headers: sent } = await tell(server, "GET", "/bucket/x", {
      headers,
    });
    return [status, code ?? text, sent.get("content-range")] as const;
  };
  assertEquals(await get({ range: "bytes=2-4" }), [206, "234", "bytes 2-4/10"]);
  assertEquals(await get({ range: "bytes=8-" }), [206, "89", "bytes 8-9/10"]);
  assertEquals(await get({ range: "bytes=-3" }), [206, "789", "bytes 7-9/10"]);
  assertEquals(await get({ range: "bytes=5-99" }), [206, "56789", "bytes 5-9/10"]);
  assertEquals(await get({ range: "bytes=10-" }), [416, "InvalidRange", "bytes */10"]);
  assertEquals(await get({ range: "rows=1-2" }), [200, "0123456789", null]);
  assertEquals(await get({ "if-match": '"other"' }), [412, "PreconditionFailed", null]);
  const { headers } = await tell(server, "HEAD", "/bucket/x");
  assertEquals(headers.get("content-length"), "10");
  assertEquals(await get({ "if-none-match": headers.get("etag") ?? "" }), [304, "", null]);
});

test("lists keys page by page, in the order of their bytes", async (server) => {
  const keys = ["a", "a/1", "a/2/3", "a/2/4", "a b+c", "b", "\uff5e", "\u{1f600}", "c&<>\"'\u0001"];
  server.load("bucket", keys);
  const list = async (query: string, token?: string): Promise<readonly string[][]> => {
    const next = token === undefined ? "" : `&continuation-token=${encodeURIComponent(token)}`;
    const { text } = await tell(server, "GET", `/bucket?list-type=2${query}${next}`);
    const page = Array.from(
      text.matchAll(/<(Key|CommonPrefixes><Prefix)>(.*?)<\//g),
      ([, , name = ""]) => valueIn(`<Name>${name}</Name>`, "Name") ?? "",
    );
    const following = valueIn(text, "NextContinuationToken");
    assertEquals(valueIn(text, "IsTruncated"), String(following !== undefined));
    return following === undefined ? [page] : [page, ...await list(query, following)];
  };
  const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assertEquals(await list(""), [sorted]);
  for (const size of [1, 2, 4]) {
    const pages = await list(`&max-keys=${size}`);
    assertEquals(pages.flat(), sorted);
    assertEquals(pages.length, Math.ceil(keys.length / size));
  }
  assertEquals(await list("&prefix=a/"), [["a/1", "a/2/3", "a/2/4"]]);
  assertEquals(await list("&prefix=a/&delimiter=/&max-keys=1"), [["a/1"], ["a/2/"]]);
  const groups = await list("&delimiter=/&max-keys=1");
  assertEquals(groups.flat(), ["a", "a b+c", "a/", ...sorted.slice(5)]);
  assertEquals(await list("&start-after=a/2/4&max-keys=1000&prefix=a"), [[]]);
  assertEquals(await list("&encoding-type=url&prefix=a%20"), [["a+b%2Bc"]]);
  assertEquals(await list("&prefix=none"), [[]]);
  await tell(server, "DELETE", "/bucket/b");
  await tell(server, "PUT", "/bucket/a0", { body: "" });
  assertEquals((await list(""))[0], [
    "a",
    "a b+c",
    "a/1",
    "a/2/3",
    "a/2/4",
    "a0",
    ...sorted.slice(6),
  ]);
});

test("makes an object of its parts", async (server) => {
  const begun = await tell(server, "POST", "/bucket/x?uploads");
  const id = valueIn(begun.text, "UploadId") ?? "";
  const etags: string[] = [];
  for (const [index, body] of ["01234", "56789", "ab"].entries()) {
    const path = `/bucket/x?partNumber=${index + 1}&uploadId=${id}`;
    etags.push((await tell(server, "PUT", path, { body })).headers.get("etag") ?? "");
  }
  const part = (number: number, etag = etags[number - 1] ?? "none"): string =>
    `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`;
  const complete = async (...parts: readonly string[]) => {
    const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
    return (await tell(server, "POST", `/bucket/x?uploadId=${id}`, { body })).code;
  };
  const listed = await tell(server, "GET", "/bucket?uploads&prefix=x");
  assertEquals(valueIn(listed.text, "UploadId"), id);
  assertEquals((await tell(server, "GET", "/bucket?uploads&prefix=y")).text.includes(id), false);
  const firstParts = await tell(server, "GET", `/bucket/x?uploadId=${id}&max-parts=2`);
  assertEquals(valueIn(firstParts.text, "NextPartNumberMarker"), "2");
  assertEquals(await complete(), "MalformedXML");
  assertEquals(await complete(part(2), part(1)), "InvalidPartOrder");
  assertEquals(await complete(part(1), part(4)), "InvalidPart");
  assertEquals(await complete(part(1), part(2, etags[0])), "InvalidPart");
  assertEquals((await tell(server, "HEAD", "/bucket/x")).status, 404);
  const refusal = S3_REFUSALS.internalError();
  server.fault = () => ({ kind: "refuse late", refusal });
  assertEquals(await complete(part(1), part(2), part(3)), "InternalError");
  assertEquals(server.log.at(-1)?.status, 200);
  server.fault = () => undefined;
  assertEquals(await complete(part(1), part(2), part(3)), undefined);
  assertEquals((await tell(server, "GET", "/bucket/x")).text, "0123456789ab");
  assertEquals(await complete(part(1), part(2), part(3)), "NoSuchUpload");
}, { minPartSize: 5 });

test("takes no parts that are too small, and gives up an upload", async (server) => {
  const id = valueIn((await tell(server, "POST", "/bucket/x?uploads")).text, "UploadId") ?? "";
  const etags = await Promise.all([1, 2].map(async (number) => {
    const path = `/bucket/x?partNumber=${number}&uploadId=${id}`;
    return (await tell(server, "PUT", path, { body: "small" })).headers.get("etag");
  }));
  const parts = etags.map((etag, index) =>
    `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`
  );
  const path = `/bucket/x?uploadId=${id}`;
  assertEquals((await tell(server, "POST", path, { body: parts.join("") })).code, "EntityTooSmall");
  assertEquals((await tell(server, "DELETE", path)).status, 204);
  assertEquals((await tell(server, "DELETE", path)).code, "NoSuchUpload");
  assertEquals(server.bucket("bucket").uploads.size, 0);
});

test("lets go wrong what a test wants to", async (server) => {
  const content = "x".repeat(100_000);
  const put = () => tell(server, "PUT", "/bucket/x", { body: content });
  const get = () => tell(server, "GET", "/bucket/x");
  server.fault = () => ({ kind: "reset", during: "request" });
  await assertRejects(put);
  server.fault = () => ({ kind: "reset", during: "answer" });
  await assertRejects(put);
  assertEquals(server.get("bucket", "x"), undefined);
  server.fault = () => ({ kind: "reset", during: "answer", isDone: true });
  await assertRejects(put);
  assertEquals(server.get("bucket", "x")?.length, content.length);
  for (const fault of [{ kind: "reset", during: "body" }, { kind: "truncate" }] as const) {
    server.fault = () => fault;
    await assertRejects(get);
    assertEquals(server.log.at(-1)?.status, 200);
  }
  server.fault = () => ({ kind: "slow", pieces: 3, pause: 0 });
  assertEquals((await get()).text, content);
  server.fault = () => ({ kind: "refuse", refusal: S3_REFUSALS.slowDown(), isDone: true });
  assertEquals((await tell(server, "DELETE", "/bucket/x")).code, "SlowDown");
  assertEquals(server.get("bucket", "x"), undefined);
  server.fault = () => undefined;
  server.clockOffset = 20 * 60_000;
  const late = await get();
  assertEquals(late.code, "RequestTimeTooSkewed");
  assert(Date.parse(late.headers.get("date") ?? "") > Date.now() + 15 * 60_000);
});

test("lets a share of requests go wrong, and what is too much", async (server) => {
  server.fault = faultsAtRate(0.3, randomOf(1), [
    () => ({ kind: "refuse", refusal: S3_REFUSALS.internalError() }),
  ]);
  const head = () => tell(server, "HEAD", "/bucket");
  const statuses = await Promise.all(Array.from({ length: 100 }, head));
  const broken = statuses.filter(({ status }) => status === 500).length;
  assert(broken > 15 && broken < 45, `${broken}`);
  server.fault = atMostPerSecond(3);
  const few = await Promise.all(Array.from({ length: 5 }, head));
  assertEquals(few.filter(({ status }) => status === 503).length, 2);
  server.fault = () => undefined;
  server.mostConcurrent = 2;
  server.latency = 20;
  const many = await Promise.all(Array.from({ length: 10 }, head));
  const [kept, refused] = [200, 503].map((its) =>
    many.filter(({ status }) => status === its).length
  );
  assert(kept! >= 2 && refused! >= 1 && kept! + refused! === 10);
});

test("counts what it is asked", async (server) => {
  await tell(server, "PUT", "/bucket/a", { body: "abc" });
  await tell(server, "GET", "/bucket/a");
  await tell(server, "GET", "/bucket/b");
  assertEquals(Object.fromEntries(server.requests), { PutObject: 1, GetObject: 2 });
  assertEquals(server.total, 3);
  assertEquals(
    server.log.map((
      { operation, key, size, status, code },
    ) => [operation, key, size, status, code]),
    [
      ["PutObject", "a", 3, 200, ""],
      ["GetObject", "a", 0, 200, ""],
      ["GetObject", "b", 0, 404, "NoSuchKey"],
    ],
  );
  server.forget();
  assertEquals(server.total, 0);
});

test("gives credentials as a container has them", async (server) => {
  const response = await fetch(`${server.url}/_/credentials?lifetime=60000`);
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = await response.json();
  assert(Math.abs(Date.parse(Expiration) - Date.now() - 60_000) < 30_000);
  const credentials = {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
  };
  const { url, region } = server;
  assertEquals((await tell({ url, region, credentials }, "HEAD", "/bucket")).status, 200);
});

Deno.test("the S3 server runs in a process of its own", async () => {
  await using server = await S3ServerProcess.start({ region: "eu-west-1" });
  await server.load("bucket", ["a", "b"]);
  const { text } = await tell(server, "GET", "/bucket?list-type=2");
  assertEquals(valueIn(text, "KeyCount"), "2");
  const { total, requests } = await server.counts();
  assertEquals([total, requests], [1, { ListObjectsV2: 1 }]);
  await server.forget();
  assertEquals((await server.counts()).total, 0);
});
