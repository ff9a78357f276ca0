import { assertEquals } from "@std/assert";
import { admit } from "./s3_signature.ts";
import { requestOf, S3Refusal } from "./s3_wire.ts";

/** From AWS's description of how requests to S3 are signed. */
const VECTORS: readonly (readonly [
  what: string,
  headers: Readonly<Record<string, string>>,
  signature: string,
])[] = [
  [
    "GET /test.txt",
    { range: "bytes=0-9" },
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  ],
  [
    "PUT /test$file.text",
    {
      date: "Fri, 24 May 2013 00:00:00 GMT",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
      "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    },
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  ],
  ["GET /?lifecycle", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"],
  [
    "GET /?max-keys=2&prefix=J",
    {},
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  ],
];

const AWS_CREDENTIALS = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

/** Throws when a request such as AWS's examples is refused. */
function admitExample(
  what: string,
  own: Readonly<Record<string, string>>,
  signature: string,
  { scope = "20130524/us-east-1/s3", unsigned = {} } = {},
): void {
  const headers = {
    host: "examplebucket.s3.amazonaws.com",
    "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "x-amz-date": "20130524T000000Z",
    ...own,
  };
  const [method = "", url = ""] = what.split(" ");
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${AWS_CREDENTIALS.accessKeyId}/${scope}/aws4_request,` +
    `SignedHeaders=${Object.keys(headers).sort().join(";")},Signature=${signature}`;
  const request = { method, url, headers: { ...headers, ...unsigned, authorization } };
  admit(requestOf(request, 1), {
    credentials: new Map([[AWS_CREDENTIALS.accessKeyId, AWS_CREDENTIALS]]),
    region: "us-east-1",
    redirects: false,
    now: Date.UTC(2013, 4, 24),
  });
}

Deno.test("the S3 server takes the signatures that AWS has published, and no others", () => {
  for (const [what, own, signature] of VECTORS) {
    admitExample(what, own, signature);
    const wrong = signature.replace(/^./, "0");
    const refusal = refusalOf(() => admitExample(what, own, wrong));
    assertEquals(refusal.code, "SignatureDoesNotMatch", what);
  }
});

Deno.test("the S3 server takes no signature of something else", () => {
  const [what, own, signature] = VECTORS[0]!;
  const codeOf = (changed: Parameters<typeof admitExample>[3]): string =>
    refusalOf(() => admitExample(what, own, signature, changed)).code;
  assertEquals(codeOf({ unsigned: { "x-amz-meta-a": "b" } }), "AccessDenied");
  assertEquals(codeOf({ unsigned: { "x-amz-content-sha256": undefined } }), "InvalidRequest");
  assertEquals(codeOf({ scope: "20130525/us-east-1/s3" }), "AccessDenied");
  assertEquals(codeOf({ scope: "20130524/us-east-1/sts" }), "AuthorizationHeaderMalformed");
});

function refusalOf(call: () => void): S3Refusal {
  try {
    call();
  } catch (error) {
    if (error instanceof S3Refusal) return error;
    throw error;
  }
  throw new Error("It was not refused");
}
