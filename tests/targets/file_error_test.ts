import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { StardagError, TargetError, TargetNotFoundError } from "../../src/errors.ts";
import { fileError } from "../../src/targets/file_error.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(`the system's words for ${code}`), { code });
}

Deno.test("fileError() says of what the system refuses what to do about it", () => {
  const remedies: Readonly<Record<string, string>> = {
    EACCES: "Check owner and mode of the folder",
    EPERM: "Check owner and mode of the folder",
    EROFS: "the file system is read-only. Set a target root that can be written to",
    ENOSPC: "no space is left on the device. Free some",
    EDQUOT: "no space is left on the device. Free some",
    EMFILE: "too many files open. Raise its limit (ulimit -n)",
    ENFILE: "too many files open. Close some, raise the limit of the system",
    EISDIR: "Move it away",
    ENOTDIR: "Move it away",
    EEXIST: "Move it away",
    ENOENT: "Set another target root",
    ENAMETOOLONG: "Use a shorter one",
    EIO: "the system's words for EIO",
  };
  for (const [code, remedy] of Object.entries(remedies)) {
    const cause = systemError(code);
    const error = fileError(cause, "write", "/a/b");
    assertInstanceOf(error, TargetError);
    assert(error.message.startsWith(`Cannot write "/a/b": `), error.message);
    assert(error.message.includes(remedy), error.message);
    assertEquals(error.uri, "/a/b");
    assertStrictEquals(error.cause, cause);
  }
});

Deno.test("fileError() tells an output that is missing from a file that cannot be written", () => {
  for (const cause of [new Deno.errors.NotFound(), new Deno.errors.NotADirectory()]) {
    const error = Object.assign(cause, { code: "ENOENT" });
    assertInstanceOf(fileError(error, "read", "/a"), TargetNotFoundError);
    assert(!(fileError(error, "write", "/a") instanceof TargetNotFoundError));
  }
});

Deno.test("fileError() leaves alone what does not come from the system", () => {
  const errors = [new TypeError("x"), new StardagError("x"), "text", undefined, { code: "ENOSPC" }];
  for (const error of errors) assertStrictEquals(fileError(error, "write", "/a"), error);
});
