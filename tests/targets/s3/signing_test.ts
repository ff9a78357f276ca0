import { assert, assertEquals } from "@std/assert";
import type { S3Credentials } from "../../../src/targets/s3/credentials.ts";
import {
  canonicalRequest,
  EMPTY_HASH,
  encodeUri,
  sha256,
  sign,
  signatureOf,
  stringToSign,
} from "../../../src/targets/s3/signing.ts";
import s3Examples from "../../fixtures/aws_sigv4/s3_examples.json" with { type: "json" };
import vectors from "../../fixtures/aws_sigv4/vectors.json" with { type: "json" };

/** What the suite expects, each line by line. */
interface Expected {
  readonly canonicalRequest: string;
  readonly stringToSign: string;
  readonly authorization: string;
}

interface Vector extends Expected {
  readonly name: string;
  /** As sent. */
  readonly request: string;
  readonly sessionToken?: string;
  /** Whether the server merges the parts of the path, as others than S3 do. */
  readonly isNormalized?: boolean;
  readonly isBodySigned?: boolean;
}

const VECTORS: readonly Vector[] = vectors;

const SCOPE = { date: "20150830T123600Z", region: "us-east-1", service: "service" };
const KEYS: S3Credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const S3_KEYS: S3Credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

/** Two slashes are one for these servers; for S3 they are two, which the other edition of each says. */
const NOT_OF_S3: ReadonlySet<string> = new Set(["get-slash-normalized", "get-slashes-normalized"]);
/** What no `Request` can carry: parts that every url is rid of, and headers more than once or over several lines. */
const NOT_OF_FETCH: ReadonlySet<string> = new Set([
  "get-header-key-duplicate",
  "get-header-value-multiline",
  "get-header-value-order",
  "get-relative-unnormalized",
  "get-relative-relative-unnormalized",
  "get-slash-dot-slash-unnormalized",
  "get-slash-pointless-dot-unnormalized",
]);

interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

function parsed(request: string): RawRequest {
  const [head = "", body = ""] = request.split("\n\n");
  const [start = "", ...lines] = head.trim().replaceAll(/\n\s+/g, " ").split("\n");
  const [, method = "", target = ""] = /^(\S+) (.*?)(?: HTTP\/1\.1)?$/.exec(start) ?? [];
  const headers = lines.map((line) => {
    const [, name = "", value = ""] = /^(.*?):(.*)$/.exec(line) ?? [];
    return [name.toLowerCase(), value] as const;
  });
  return { method, target, headers, body };
}

/** As the suite's signer adds to it. */
function completed({ request, sessionToken, isBodySigned }: Vector): RawRequest {
  const raw = parsed(request);
  const own = new Map([
    ["x-amz-date", SCOPE.date],
    ...sessionToken === undefined ? [] : [["x-amz-security-token", sessionToken] as const],
    ...isBodySigned ? [["x-amz-content-sha256", sha256(raw.body)] as const] : [],
  ]);
  return { ...raw, headers: [...raw.headers.filter(([name]) => !own.has(name)), ...own] };
}

function urlOf({ target, headers }: RawRequest): URL {
  return new URL(`https://${new Map(headers).get("host")}${target}`);
}

for (const vector of VECTORS.filter(({ name }) => !NOT_OF_S3.has(name))) {
  const raw = completed(vector);
  const { method, headers, body } = raw;
  const payloadHash = sha256(body);

  Deno.test(`AWS's vector ${vector.name} has the canonical request, string to sign and signature`, () => {
    const url = urlOf(raw);
    const path = vector.isNormalized ? url.pathname : raw.target.replace(/\?.*/, "");
    const { text, signedHeaders } = canonicalRequest({
      method,
      path: path.replaceAll("%20", " "),
      query: url.searchParams,
      headers,
      payloadHash,
    });
    const toSign = stringToSign(text, SCOPE);
    const signature = signatureOf(toSign, KEYS, SCOPE);
    assertEquals(text, vector.canonicalRequest);
    assertEquals(toSign, vector.stringToSign);
    assertEquals(
      vector.authorization.split(", ").slice(1),
      [`SignedHeaders=${signedHeaders}`, `Signature=${signature}`],
    );
  });

  if (NOT_OF_FETCH.has(vector.name)) continue;
  Deno.test(`sign() gives AWS's vector ${vector.name} its authorization`, () => {
    const own = new Set(["host", "x-amz-date", "x-amz-security-token"]);
    const signed = sign({
      method,
      url: urlOf(raw),
      headers: new Headers(
        headers.filter(([name]) => !own.has(name)).map(([name, value]): [string, string] => [
          name,
          value,
        ]),
      ),
      payloadHash,
    }, {
      ...SCOPE,
      credentials: { ...KEYS, sessionToken: vector.sessionToken },
      now: new Date("2015-08-30T12:36:00Z"),
    });
    assertEquals(signed.get("authorization"), vector.authorization);
    assertEquals(signed.get("x-amz-date"), SCOPE.date);
    assertEquals(signed.get("x-amz-security-token"), vector.sessionToken ?? null);
  });
}

for (const example of s3Examples) {
  const { method, url, headers, body } = example;
  const request = {
    method,
    url: new URL(url),
    headers: new Headers(Object.entries(headers)),
    payloadHash: sha256(body),
  };
  const options = {
    credentials: S3_KEYS,
    region: "us-east-1",
    service: "s3",
    now: new Date("2013-05-24T00:00:00Z"),
  };

  Deno.test(`the example "${example.name}" of S3's reference has the same strings`, () => {
    const signed = sign(request, options);
    assertEquals(signed.get("authorization"), example.authorization);
    signed.delete("authorization");
    const { text } = canonicalRequest({
      method,
      path: decodeURIComponent(request.url.pathname),
      query: request.url.searchParams,
      headers: [...signed, ["host", request.url.host]],
      payloadHash: request.payloadHash,
    });
    assertEquals(text, example.canonicalRequest);
    const scope = { ...SCOPE, date: "20130524T000000Z", service: "s3" };
    assertEquals(stringToSign(text, scope), example.stringToSign);
  });

  Deno.test(`whatever is changed in the example "${example.name}" changes its signature`, () => {
    const changes = {
      method: sign({ ...request, method: "HEAD" }, options),
      host: sign({ ...request, url: new URL(url.replace("examplebucket", "other")) }, options),
      path: sign({ ...request, url: new URL(`/other${request.url.search}`, url) }, options),
      query: sign({ ...request, url: new URL("?uploads", url) }, options),
      header: sign({ ...request, headers: new Headers({ range: "bytes=0-8" }) }, options),
      body: sign({ ...request, payloadHash: sha256("Welcome") }, options),
      secret: sign(request, { ...options, credentials: { ...S3_KEYS, secretAccessKey: "x" } }),
      token: sign(request, { ...options, credentials: { ...S3_KEYS, sessionToken: "x" } }),
      region: sign(request, { ...options, region: "eu-west-1" }),
      time: sign(request, { ...options, now: new Date("2013-05-24T00:00:01Z") }),
      day: sign(request, { ...options, now: new Date("2013-05-25T00:00:00Z") }),
    };
    const signatures = Object.values(changes).map((each) => signatureIn(each));
    assertEquals(new Set(signatures).size, signatures.length);
    assert(!signatures.includes(signatureIn(sign(request, options))));
  });
}

function signatureIn(headers: Headers): string {
  const [, signature = ""] = /Signature=([0-9a-f]{64})$/.exec(headers.get("authorization")!) ?? [];
  assert(signature !== "");
  return signature;
}

Deno.test("the path is what is in the url, encoded once", () => {
  for (
    const key of [
      "a b",
      "a+b",
      "100%",
      "%41",
      "a//b",
      "ü/日本/😀",
      "'()*!~",
      "$&,;=:@",
      "?#[]|\\^`",
      "..a",
    ]
  ) {
    const url = new URL(`http://localhost:9000/bucket/${encodeUri(key, "path")}`);
    assertEquals(decodeURIComponent(url.pathname), `/bucket/${key}`);
    assertEquals(url.pathname, `/bucket/${encodeUri(key, "path")}`);
    const { text } = canonicalRequest({
      method: "GET",
      path: decodeURIComponent(url.pathname),
      query: [],
      headers: [],
      payloadHash: EMPTY_HASH,
    });
    assertEquals(text.split("\n")[1], url.pathname);
  }
  assertEquals(encodeUri("a/b !'()*~", "path"), "a/b%20%21%27%28%29%2A~");
  assertEquals(encodeUri("a/b+c", "value"), "a%2Fb%2Bc");
});

Deno.test("a query is the same however it was written, and sorted by its encoded names and values", () => {
  const queryOf = (search: string): string | undefined =>
    canonicalRequest({
      method: "GET",
      path: "/",
      query: new URL(`http://localhost/?${search}`).searchParams,
      headers: [],
      payloadHash: EMPTY_HASH,
    }).text.split("\n")[2];
  assertEquals(queryOf("prefix=a%20b%2Bc&list-type=2"), "list-type=2&prefix=a%20b%2Bc");
  assertEquals(queryOf("a=2&a=1&a-b=3"), "a=1&a=2&a-b=3");
  assertEquals(queryOf("~=1&%C3%A9=2&Z=3&uploads"), "%C3%A9=2&Z=3&uploads=&~=1");
});

Deno.test("the same credentials sign for another day, region and service by another key", () => {
  const of = (scope: Partial<typeof SCOPE>): string =>
    signatureOf("text", KEYS, { ...SCOPE, ...scope });
  const all = [
    of({}),
    of({ date: "20150831T123600Z" }),
    of({ region: "eu-west-1" }),
    of({ service: "s3" }),
  ];
  assertEquals(new Set(all).size, 4);
  assertEquals(of({}), all[0]);
});

Deno.test("sign() leaves the request as it is, so that it can be signed again", () => {
  const headers = new Headers({ range: "bytes=0-9" });
  const request = {
    method: "GET",
    url: new URL("http://localhost/b/k"),
    headers,
    payloadHash: EMPTY_HASH,
  };
  const options = { credentials: S3_KEYS, region: "us-east-1", service: "s3", now: new Date(0) };
  const first = sign(request, options);
  assertEquals([...headers], [["range", "bytes=0-9"]]);
  assertEquals([...sign(request, options)], [...first]);
});
