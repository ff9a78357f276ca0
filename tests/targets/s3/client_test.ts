/** What the client does when the store or the network has a bad day. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { TargetError } from "../../../src/errors.ts";
import type { S3Credentials } from "../../../src/targets/s3/credentials.ts";
import { S3FileSystem } from "../../../src/targets/s3/file_system.ts";
import { S3_FAULTS, S3_REFUSALS, type S3Fault } from "../../support/s3_faults.ts";
import { startS3Server } from "../../support/s3_server.ts";
import { S3Refusal } from "../../support/s3_wire.ts";
import { always, first, s3At, textOf } from "./scene.ts";

const URI = "s3://bucket/folder/file.txt";
const CONTENT = "some content, of which half may be lost";

const TIME = /"modified":"[^"]*"/;

/** What can be asked, by the operation that this is. */
const CALLS: Readonly<Record<string, (fileSystem: S3FileSystem) => Promise<unknown>>> = {
  HeadObject: (fileSystem) => fileSystem.exists(URI),
  GetObject: (fileSystem) => textOf(fileSystem, URI),
  PutObject: (fileSystem) => fileSystem.write(URI, CONTENT),
  DeleteObject: (fileSystem) => fileSystem.remove(URI),
  ListObjectsV2: (fileSystem) => Array.fromAsync(fileSystem.list("s3://bucket/folder/")),
  ListMultipartUploads: (fileSystem) => Array.fromAsync(fileSystem.listUnfinished("s3://bucket/")),
};

for (const [operation, call] of Object.entries(CALLS)) {
  Deno.test(`S3FileSystem asks again when ${operation} goes wrong, in whatever way`, async () => {
    await using server = await startS3Server();
    const fileSystem = s3At(server);
    server.put("bucket", "folder/file.txt", CONTENT);
    const expected = JSON.stringify(await call(fileSystem));
    for (const make of S3_FAULTS) {
      server.put("bucket", "folder/file.txt", CONTENT);
      server.fault = first(operation, make());
      const answer = JSON.stringify(await call(fileSystem));
      assertEquals(answer?.replace(TIME, ""), expected?.replace(TIME, ""));
    }
    assert((server.requests.get(operation) ?? 0) > S3_FAULTS.length + 3);
  });
}

for (const status of [429, 500, 502, 503, 504]) {
  Deno.test(`S3FileSystem asks again on ${status} from what stands before a store`, async () => {
    await using server = await startS3Server();
    const refusal = new S3Refusal(status, "", "<html>");
    server.fault = first("PutObject", { kind: "refuse", refusal });
    await s3At(server).write(URI, CONTENT);
    assertEquals(server.requests.get("PutObject"), 2);
  });
}

Deno.test("S3FileSystem does not ask again when it was refused for good", async () => {
  await using server = await startS3Server();
  const refusal = new S3Refusal(403, "AccessDenied", "Access Denied");
  server.fault = always("PutObject", { kind: "refuse", refusal });
  await assertRejects(() => s3At(server).write(URI, CONTENT), TargetError, "s3:PutObject");
  assertEquals(server.requests.get("PutObject"), 1);
});

for (const kind of ["refuse", "reset"] as const) {
  Deno.test(`S3FileSystem gives up soon when all requests fail (${kind})`, async () => {
    await using server = await startS3Server();
    server.fault = () =>
      kind === "refuse"
        ? { kind, refusal: S3_REFUSALS.internalError() }
        : { kind, during: "answer" };
    const fileSystem = s3At(server, { outageTimeout: 1 });
    const message = kind === "refuse" ? "InternalError" : "cannot be reached";
    const calls = Array.from({ length: 500 }, (_, i) => `${URI}${i}`).map(async (uri) => {
      const error = await assertRejects(() => fileSystem.write(uri, CONTENT), TargetError, message);
      assert(error.message.includes(`"${uri}"`), error.message);
    });
    await Promise.all(calls);
    // Those under way when it began, and few that tried alone.
    assert(server.total < 64 + 450, `there were ${server.total} requests`);
    server.fault = () => undefined;
    await fileSystem.write(URI, CONTENT);
  });
}

Deno.test("S3FileSystem waits for a store that is down for a while, whatever is asked of it, and asks little", async () => {
  await using server = await startS3Server();
  const fileSystem = s3At(server);
  await fileSystem.write(URI, CONTENT);
  await server.down();
  const calls = Array.from({ length: 200 }, (_, i) => fileSystem.write(`${URI}${i}`, CONTENT));
  const back = new Promise((resolve) => setTimeout(resolve, 2000)).then(() => server.up());
  await Promise.all([...calls, back]);
  assertEquals(server.bucket("bucket").objects.size, 201);
});

Deno.test("S3FileSystem tries one request at a time while a store answers nothing but errors", async () => {
  await using server = await startS3Server();
  let [left, most] = [64 + 5, 0];
  server.fault = () => {
    if (left === 4) server.mostUnderWay = 0;
    if (left === 1) most = server.mostUnderWay;
    return left-- > 0 ? { kind: "refuse", refusal: S3_REFUSALS.internalError() } : undefined;
  };
  const fileSystem = s3At(server);
  await Promise.all(
    Array.from({ length: 200 }, (_, i) => fileSystem.write(`${URI}${i}`, CONTENT)),
  );
  assertEquals(server.total, 200 + 64 + 5);
  assert(most <= 1, `${most} were under way at once`);
});

Deno.test("S3FileSystem gives bodies that share a slow line the time that they need together", async () => {
  await using server = await startS3Server();
  let line = Promise.resolve();
  server.fault = () => {
    line = line.then(() => new Promise((resolve) => setTimeout(resolve, 30)));
    return { kind: "wait", until: line };
  };
  const fileSystem = s3At(server, { timeout: 100 });
  const content = new Uint8Array(10_000);
  await Promise.all(Array.from({ length: 20 }, (_, i) => fileSystem.write(`${URI}${i}`, content)));
  assertEquals(server.total, 20);
});

Deno.test("S3FileSystem sends fewer bodies at once when they are late", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let [asked, underWay, most] = [0, 0, 0];
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      await request.arrayBuffer();
      if (++asked <= 16) {
        await promise;
        return new Response();
      }
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 250));
      underWay--;
      return new Response();
    },
  );
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  const options = { endpoint, timeout: 400, maxConcurrent: 16, credentials: "anonymous" } as const;
  const fileSystem = new S3FileSystem(options);
  await Promise.all(
    Array.from({ length: 16 }, (_, i) => fileSystem.write(`${URI}${i}`, CONTENT)),
  );
  resolve();
  assert(most <= 10, `${most} were under way at once`);
});

Deno.test("S3FileSystem is not led to another host by the region that an answer names", async () => {
  await using server = await startS3Server();
  const headers = { "x-amz-bucket-region": "x.evil.example/" };
  const refusal = new S3Refusal(301, "PermanentRedirect", "Elsewhere", {}, headers);
  server.fault = always("PutObject", { kind: "refuse", refusal });
  await assertRejects(() => s3At(server).write(URI, CONTENT), TargetError, "Set AWS_REGION");
  assertEquals(server.total, 1);
});

Deno.test("S3FileSystem does not take all of a file when it only looks for it", async () => {
  let sent = 0;
  const endless = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull(controller) {
        sent += 1 << 20;
        controller.enqueue(new Uint8Array(1 << 20));
      },
    });
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    ({ method }) =>
      method === "HEAD" ? new Response(null, { status: 403 }) : new Response(endless()),
  );
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  const fileSystem = new S3FileSystem({ endpoint, credentials: "anonymous" });
  assertEquals(await fileSystem.exists(URI), true);
  assert(sent < 100 << 20, `${sent} bytes were sent`);
});

Deno.test("S3FileSystem gives up waiting for credentials when it is told to", async () => {
  await using server = await startS3Server();
  const asked = Promise.withResolvers<void>();
  const given = Promise.withResolvers<S3Credentials>();
  const credentials = (): Promise<S3Credentials> => {
    asked.resolve();
    return given.promise;
  };
  const fileSystem = s3At(server, { credentials, maxConcurrent: 2 });
  const controller = new AbortController();
  const { signal } = controller;
  const rejected = [1, 2, 3].map(() => assertRejects(() => fileSystem.exists(URI, { signal })));
  await asked.promise;
  const reason = new Error("on purpose");
  controller.abort(reason);
  for (const error of await Promise.all(rejected)) assertStrictEquals(error, reason);
  assertEquals(server.total, 0);
  given.resolve(server.credentials);
  assert(!await fileSystem.exists(URI));
});

Deno.test("S3FileSystem waits as long as the store wants", async () => {
  await using server = await startS3Server();
  const refusal = new S3Refusal(503, "SlowDown", "Wait", {}, { "retry-after": "3600" });
  server.fault = first("PutObject", { kind: "refuse", refusal });
  // An hour is longer than it waits for anything.
  await assertRejects(() => s3At(server).write(URI, CONTENT), TargetError, "fewer requests");
  assertEquals(server.requests.get("PutObject"), 1);
});

Deno.test("S3FileSystem has as many requests under way as it may, and fewer when the store wants that", async () => {
  await using server = await startS3Server();
  const fileSystem = s3At(server, { maxConcurrent: 12 });
  const writeMany = (): Promise<unknown> =>
    Promise.all(Array.from({ length: 100 }, (_, i) => fileSystem.write(`${URI}${i}`, CONTENT)));
  server.latency = 1;
  await writeMany();
  assertEquals(server.mostUnderWay, 12);
  server.mostConcurrent = 4;
  await writeMany();
  server.forget();
  await writeMany();
  const refused = server.log.filter(({ status }) => status === 503).length;
  assert(refused < 50, `${refused} of ${server.total} were refused`);
});

Deno.test("S3FileSystem gives up what takes longer than it may", async () => {
  await using server = await startS3Server();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = always("HeadObject", { kind: "wait", until: promise });
  // Long enough for each to get to the server, however slow the machine is.
  const fileSystem = s3At(server, { timeout: 250, outageTimeout: 1 });
  const { message } = await assertRejects(() => fileSystem.exists(URI), TargetError);
  assertEquals(
    message,
    `Cannot look for "${URI}": S3 at "${server.url}" has not answered within 250 ms. ` +
      `Check whether it is up, or give it more time by the option timeout`,
  );
  assertEquals(server.requests.get("HeadObject"), 3);
  resolve();
});

Deno.test("S3FileSystem gives up what is under way, what waits for its turn, and what waits to be asked again", async () => {
  await using server = await startS3Server();
  const { promise, resolve } = Promise.withResolvers<void>();
  const refusal = new S3Refusal(503, "SlowDown", "Wait", {}, { "retry-after": "50" });
  const asked = Promise.withResolvers<void>();
  server.fault = ({ key }): S3Fault => {
    asked.resolve();
    return key === "waits" ? { kind: "wait", until: promise } : { kind: "refuse", refusal };
  };
  for (const key of ["waits", "is refused"]) {
    const fileSystem = s3At(server, { maxConcurrent: 1, timeout: 600_000 });
    const reason = new Error("on purpose");
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from(
      { length: 3 },
      () => assertRejects(() => fileSystem.write(`s3://bucket/${key}`, CONTENT, { signal })),
    );
    await asked.promise;
    controller.abort(reason);
    for (const error of await Promise.all(calls)) assertStrictEquals(error, reason);
  }
  resolve();
});

Deno.test("S3FileSystem goes by the clock of the store when its own is wrong", async () => {
  await using server = await startS3Server();
  for (const hours of [3, -5]) {
    server.clockOffset = hours * 3_600_000;
    server.forget();
    const fileSystem = s3At(server);
    await fileSystem.write(URI, CONTENT);
    assertEquals(await fileSystem.exists(URI), true);
    assertEquals([...server.requests], [["PutObject", 2], ["HeadObject", 1]]);
    assertEquals(await s3At(server).exists(URI), true);
  }
});

for (const redirects of [true, false]) {
  const how = redirects ? "301" : "400";
  Deno.test(`S3FileSystem follows a bucket to its region when that is told by ${how}, once`, async () => {
    await using server = await startS3Server({
      buckets: { bucket: {}, away: { region: "eu-north-1" } },
    });
    server.redirects = redirects;
    for (
      const call of [
        (fileSystem: S3FileSystem) => fileSystem.exists("s3://away/x"),
        (fileSystem: S3FileSystem) => fileSystem.write("s3://away/x", CONTENT),
      ]
    ) {
      const fileSystem = s3At(server);
      await call(fileSystem);
      server.forget();
      await fileSystem.write("s3://away/y", CONTENT);
      await fileSystem.write("s3://bucket/y", CONTENT);
      assertEquals([...server.requests], [["PutObject", 2]]);
    }
  });
}

Deno.test("S3FileSystem sends nothing to where it was not told to go", async () => {
  await using server = await startS3Server();
  await using elsewhere = await startS3Server();
  const location = `${elsewhere.url}/bucket/folder/file.txt`;
  const refusal = new S3Refusal(307, "TemporaryRedirect", "Go there", {}, { location });
  server.fault = always("PutObject", { kind: "refuse", refusal });
  await assertRejects(() => s3At(server).write(URI, CONTENT), TargetError, "at another endpoint");
  assertEquals([server.total, elsewhere.total], [1, 0]);
});

Deno.test("S3FileSystem gets new credentials when those it has are not taken any more", async () => {
  await using server = await startS3Server();
  let given = 0;
  const credentials = () => {
    given++;
    // Of no use from the start, which those that hand them in need not know.
    const { expires: _, ...issued } = server.issue(given === 1 ? -1 : undefined);
    return issued;
  };
  const fileSystem = s3At(server, { credentials });
  server.put("bucket", "folder/file.txt", CONTENT);
  const { DeleteObject: _, ...calls } = CALLS;
  await Promise.all(Object.values(calls).map((call) => call(fileSystem)));
  assertEquals(given, 2);
});

Deno.test("S3FileSystem does not ask for ever for credentials that nobody takes", async () => {
  await using server = await startS3Server();
  let given = 0;
  const credentials = () => {
    const { expires: _, ...issued } = server.issue(-1);
    given++;
    return issued;
  };
  const fileSystem = s3At(server, { credentials, outageTimeout: 1 });
  await assertRejects(() => fileSystem.exists(URI), TargetError, "The credentials have expired");
  assert(given <= 10, `asked ${given} times`);
});

Deno.test("S3FileSystem signs nothing for anonymous use", async () => {
  await using server = await startS3Server({ buckets: { open: { isPublic: true }, bucket: {} } });
  const fileSystem = s3At(server, { credentials: "anonymous" });
  await fileSystem.write("s3://open/x", CONTENT);
  assertEquals(await textOf(fileSystem, "s3://open/x"), CONTENT);
  await assertRejects(() => fileSystem.exists(URI), TargetError, "AccessDenied");
  assert(server.log.every(({ headers }) => headers.authorization === undefined));
});

Deno.test("S3FileSystem sends what stores want to know of each content", async () => {
  await using server = await startS3Server();
  await s3At(server).write(URI, "hello");
  const headers = server.log[0]?.headers;
  assertEquals(headers?.["content-md5"], "XUFAKrxLKna5cZ2REBfFkg==");
  assertEquals(headers?.["content-length"], "5");
  assertEquals(
    headers?.["x-amz-content-sha256"],
    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
  );
});

Deno.test("S3FileSystem needs one request for each thing asked, and one more for a bucket", async () => {
  await using server = await startS3Server();
  const fileSystem = s3At(server);
  for (let i = 0; i < 5; i++) {
    const uri = `s3://bucket/${i}`;
    assertEquals(await fileSystem.exists(uri), false);
    await fileSystem.write(uri, ReadableStream.from([new Uint8Array(10)]));
    assertEquals(await fileSystem.exists(uri), true);
    assertEquals((await textOf(fileSystem, uri)).length, 10);
  }
  assertEquals([...server.requests], [["HeadObject", 10], ["GetObject", 6], ["PutObject", 5]]);
});
