import { assert, assertEquals, assertThrows } from "@std/assert";
import { getTargetRoot, toTargetRoot } from "../../src/config/config.ts";
import { ConfigError, PermissionError } from "../../src/errors.ts";

const ROOTS = "STARDAG_TARGET_ROOTS";
const HOME = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";

/** Sets variables for one block; `undefined` takes one away. */
function variables(values: Readonly<Record<string, string | undefined>>): Disposable {
  const set = (entries: readonly (readonly [string, string | undefined])[]): void => {
    for (const [name, value] of entries) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  };
  const before = Object.keys(values).map((name) => [name, Deno.env.get(name)] as const);
  set(Object.entries(values));
  return { [Symbol.dispose]: () => set(before) };
}

const unset = {
  [ROOTS]: undefined,
  [`${ROOTS}__DEFAULT`]: undefined,
  [`${ROOTS}__ARCHIVE`]: undefined,
};

Deno.test("getTargetRoot() reads the JSON object, where the variable of the key does not say otherwise", () => {
  using _ = variables({
    ...unset,
    [ROOTS]: '{"default":"/data/a","archive":"s3://bucket/b"}',
    [`${ROOTS}__ARCHIVE`]: "/data/c",
  });
  assertEquals(getTargetRoot(), "/data/a/");
  assertEquals(getTargetRoot("default"), "/data/a/");
  assertEquals(getTargetRoot("archive"), "/data/c/");
});

Deno.test("getTargetRoot() turns a key into the name of a variable", () => {
  using _ = variables({ ...unset, [`${ROOTS}__MY_ROOT_2`]: "/data/x" });
  assertEquals(getTargetRoot("my-root.2"), "/data/x/");
});

Deno.test("getTargetRoot() of the default key is in the home folder when nothing is set", () => {
  using _ = variables({ ...unset, [HOME]: "/home/somebody" });
  const expected = "/home/somebody/.stardag/local-target-roots/default/default/";
  assertEquals(getTargetRoot(), expected);
  using _empty = variables({ [ROOTS]: "", [`${ROOTS}__DEFAULT`]: "" });
  assertEquals(getTargetRoot(), expected, "an empty variable is not set");
  using _other = variables({ [ROOTS]: '{"archive":"/data/a"}' });
  assertEquals(getTargetRoot(), expected);
});

Deno.test("getTargetRoot() says that there is no home folder", () => {
  using _ = variables({ ...unset, [HOME]: undefined });
  const error = assertThrows(() => getTargetRoot(), ConfigError);
  for (const part of [HOME, "not set", `${ROOTS}='{"default":`]) {
    assert(error.message.includes(part), error.message);
  }
});

Deno.test("getTargetRoot() says of an unknown key which there are and what to set", () => {
  using _ = variables({ ...unset, [ROOTS]: '{"cold":"/data/a"}' });
  const error = assertThrows(() => getTargetRoot("archive"), ConfigError);
  const parts = [
    'the target root "archive"',
    'only "cold", "default"',
    `${ROOTS}__ARCHIVE=`,
    `${ROOTS}='{"archive":`,
  ];
  for (const part of parts) assert(error.message.includes(part), error.message);
});

Deno.test("getTargetRoot() takes no key from the prototype of objects", () => {
  using _ = variables({ ...unset, [ROOTS]: '{"default":"/data/a"}' });
  for (const key of ["constructor", "__proto__"]) {
    assertThrows(() => getTargetRoot(key), ConfigError, "none of that key");
  }
});

Deno.test("getTargetRoot() shows the value that cannot be read and how it should be", () => {
  const bad = {
    '{"default":': "not JSON",
    '["/data"]': "not a JSON object",
    '"/data"': "not a JSON object",
    "null": "not a JSON object",
    '{"default":1}': 'the root of "default" is 1',
    '{"default":"/a","archive":null}': 'the root of "archive" is null',
  };
  for (const [value, state] of Object.entries(bad)) {
    using _ = variables({ ...unset, [ROOTS]: value });
    const error = assertThrows(() => getTargetRoot(), ConfigError, state);
    for (const part of [`${ROOTS} is "${value}"`, `e.g. ${ROOTS}='{"default":`]) {
      assert(error.message.includes(part), error.message);
    }
  }
});

Deno.test("getTargetRoot() names the source of a root that is none", () => {
  using _ = variables({ ...unset, [ROOTS]: '{"default":""}', [`${ROOTS}__ARCHIVE`]: " " });
  assertThrows(() => getTargetRoot(), ConfigError, `${ROOTS} at "default" is ""`);
  assertThrows(() => getTargetRoot("archive"), ConfigError, `${ROOTS}__ARCHIVE is " "`);
});

Deno.test("toTargetRoot() ends every root with one slash", () => {
  using _ = variables({ [HOME]: "/home/somebody" });
  const cases = {
    "/data": "/data/",
    "/data/": "/data/",
    "/data//": "/data/",
    "/": "/",
    "data/x": `${Deno.cwd()}/data/x/`,
    "./data/../x/": `${Deno.cwd()}/x/`,
    "~": "/home/somebody/",
    "~/data": "/home/somebody/data/",
    "~data": `${Deno.cwd()}/~data/`,
    "file:///data/a%20b/": "/data/a b/",
    "s3://bucket/prefix": "s3://bucket/prefix/",
    "s3://bucket/prefix//": "s3://bucket/prefix/",
    "memory://": "memory://",
  };
  for (const [root, expected] of Object.entries(cases)) {
    assertEquals(toTargetRoot(root, "test"), expected, root);
  }
});

Deno.test("toTargetRoot() refuses a url that names no file of this machine", () => {
  for (const url of ["file:relative", "file:/data", "file://data/stardag"]) {
    assertThrows(() => toTargetRoot(url, "test"), ConfigError, `Cannot use "${url}"`);
  }
});

// What Deno grants, what is set there, and what getTargetRoot() then says.

Deno.test("getTargetRoot() reads its variables with just these granted", {
  permissions: { env: [ROOTS, `${ROOTS}__DEFAULT`, HOME] },
}, () => {
  {
    using _ = variables({ [ROOTS]: undefined, [`${ROOTS}__DEFAULT`]: undefined });
    assert(getTargetRoot().endsWith("/.stardag/local-target-roots/default/default/"));
  }
  using _ = variables({ [ROOTS]: '{"default":"/data/a"}' });
  assertEquals(getTargetRoot(), "/data/a/");
  using _own = variables({ [`${ROOTS}__DEFAULT`]: "/data/b" });
  assertEquals(getTargetRoot(), "/data/b/");
});

Deno.test("getTargetRoot() needs one variable only, if that tells the root", {
  permissions: { env: [ROOTS] },
}, () => {
  using _ = variables({ [ROOTS]: '{"default":"/data/a"}' });
  assertEquals(getTargetRoot(), "/data/a/");
  const error = assertThrows(() => getTargetRoot("archive"), PermissionError);
  assertEquals(error.flag, `--allow-env=${ROOTS},${ROOTS}__ARCHIVE`);
  assert(error.message.includes('only "default"'), error.message);
});

Deno.test("getTargetRoot() needs the variable of the key only, if that is set", {
  permissions: { env: [`${ROOTS}__DEFAULT`] },
}, () => {
  using _ = variables({ [`${ROOTS}__DEFAULT`]: "/data/a" });
  assertEquals(getTargetRoot(), "/data/a/");
});

Deno.test("getTargetRoot() names the flag rather than take the default for what it cannot see", {
  permissions: { env: [HOME] },
}, () => {
  const error = assertThrows(() => getTargetRoot(), PermissionError);
  assertEquals(error.flag, `--allow-env=${ROOTS},${ROOTS}__DEFAULT,${HOME}`);
  assert(error.message.includes(`Run with ${error.flag}`), error.message);
  assertEquals(
    assertThrows(() => getTargetRoot("archive"), PermissionError).flag,
    `--allow-env=${ROOTS},${ROOTS}__ARCHIVE`,
  );
});

Deno.test("getTargetRoot() names the flag for the home folder", {
  permissions: { env: [ROOTS, `${ROOTS}__DEFAULT`] },
}, () => {
  using _ = variables({ [ROOTS]: undefined, [`${ROOTS}__DEFAULT`]: undefined });
  const error = assertThrows(() => getTargetRoot(), PermissionError);
  assert(error.flag.endsWith(HOME), error.flag);
});

Deno.test("getTargetRoot() does not take the default root while another may be set unseen", {
  permissions: { env: [ROOTS, HOME] },
}, () => {
  using _ = variables({ [ROOTS]: undefined });
  const error = assertThrows(() => getTargetRoot(), PermissionError);
  assertEquals(error.flag, `--allow-env=${ROOTS},${ROOTS}__DEFAULT,${HOME}`);
});
