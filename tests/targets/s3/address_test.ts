import { assertEquals, assertThrows } from "@std/assert";
import { TargetError } from "../../../src/errors.ts";
import { fileAddress, prefixAddress, uriOf } from "../../../src/targets/s3/address.ts";

Deno.test("fileAddress() takes all after the bucket as the key, as it is", () => {
  for (
    const key of [
      "a",
      "a/b.c",
      "/a",
      "a//b",
      "a/",
      "%2e%2e",
      "..a/b..",
      ".a",
      "...",
      "a?b#c",
      "\u{1f600}",
    ]
  ) {
    const uri = uriOf("my-bucket.1", key);
    assertEquals(fileAddress(uri), { uri, bucket: "my-bucket.1", key });
  }
});

Deno.test("fileAddress() refuses what no url can carry, or S3 does not take", () => {
  for (const key of [".", "..", "../a", "a/../b", "a/./b", "a/..", "./a", "..\n/../x"]) {
    assertThrows(() => fileAddress(uriOf("bucket", key)), TargetError, `a part "." or ".."`);
  }
  assertThrows(() => fileAddress("s3://bucket/\ud800"), TargetError, "half a character");
  assertThrows(
    () => fileAddress(`s3://bucket/${"\u20ac".repeat(342)}`),
    TargetError,
    "more than 1024 bytes",
  );
  fileAddress(`s3://bucket/${"\u20ac".repeat(341)}`);
  for (const uri of ["s3://bucket", "s3://bucket/"]) {
    assertThrows(() => fileAddress(uri), TargetError, "has no key");
  }
});

Deno.test("prefixAddress() refuses what is no bucket, and might be another host", () => {
  assertEquals(prefixAddress("s3://bucket"), { uri: "s3://bucket", bucket: "bucket", key: "" });
  assertEquals(prefixAddress("s3://bucket/a/").key, "a/");
  for (
    const bucket of [
      "",
      "a@b",
      "a:1",
      "a b",
      "a?b",
      "a#b",
      "..",
      ".a",
      "a.",
      "a..b",
      "a%2fb",
      "a\\b",
    ]
  ) {
    assertThrows(() => prefixAddress(`s3://${bucket}/key`), TargetError, "names no bucket");
  }
  assertThrows(() => prefixAddress("gs://bucket/key"), TargetError, "names no bucket");
});
