import { assert, assertEquals, assertThrows } from "@std/assert";
import { getTargetRoot } from "../../src/config/config.ts";
import { toTargetRoot } from "../../src/config/target_roots.ts";
import { ConfigError, PermissionError } from "../../src/errors.ts";
import { ENVIRONMENT, site, targetRootCache, USER_FILES, variables, WORKSPACE } from "./site.ts";

const ROOTS = "STARDAG_TARGET_ROOTS";
const HOME = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";

Deno.test("getTargetRoot() reads the JSON object, where the variable of the key does not say otherwise", () => {
  using _ = site({}, {
    [ROOTS]: '{"default":"/data/a","archive":"s3://bucket/b"}',
    [`${ROOTS}__ARCHIVE`]: "/data/c",
  });
  assertEquals(getTargetRoot(), "/data/a/");
  assertEquals(getTargetRoot("default"), "/data/a/");
  assertEquals(getTargetRoot("archive"), "/data/c/");
});

Deno.test("getTargetRoot() turns a key into the name of a variable", () => {
  using _ = site({}, { [`${ROOTS}__MY_ROOT_2`]: "/data/x" });
  assertEquals(getTargetRoot("my-root.2"), "/data/x/");
});

Deno.test("getTargetRoot() of the default key is in the home folder when nothing is set", () => {
  using _ = site({}, { [HOME]: "/home/somebody" });
  const expected = "/home/somebody/.stardag/local-target-roots/default/default/";
  assertEquals(getTargetRoot(), expected);
  using _empty = variables({ [ROOTS]: "", [`${ROOTS}__DEFAULT`]: "" });
  assertEquals(getTargetRoot(), expected, "an empty variable is not set");
  using _other = variables({ [ROOTS]: '{"archive":"/data/a"}' });
  assertEquals(getTargetRoot(), expected);
});

Deno.test("getTargetRoot() says that there is no home folder", () => {
  using _ = site();
  using _home = variables({ [HOME]: undefined });
  const error = assertThrows(() => getTargetRoot(), ConfigError);
  for (const part of [HOME, "not set", `${ROOTS}='{"default":`]) {
    assert(error.message.includes(part), error.message);
  }
});

Deno.test("getTargetRoot() says of an unknown key which there are and what to set", () => {
  using _ = site({}, { [ROOTS]: '{"cold":"/data/a"}' });
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
  using _ = site({}, { [ROOTS]: '{"default":"/data/a"}' });
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
    using _ = site({}, { [ROOTS]: value });
    const error = assertThrows(() => getTargetRoot(), ConfigError, state);
    for (const part of [`${ROOTS} is '${value}', `, `e.g. ${ROOTS}='{"default":`]) {
      assert(error.message.includes(part), error.message);
    }
  }
});

Deno.test("getTargetRoot() names the source of a root that is none", () => {
  using _ = site({}, { [ROOTS]: '{"default":""}', [`${ROOTS}__ARCHIVE`]: " " });
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

// ---- the roots of the environment that is worked with ----

const CACHED = {
  ...USER_FILES,
  "home/.stardag/target-root-cache.json": targetRootCache("http://localhost:9000", {
    default: "s3://bucket/dev",
    archive: "/data/archive//",
  }),
};

Deno.test("getTargetRoot() has the roots of the environment in use before the default", () => {
  using _ = site(CACHED);
  assertEquals(getTargetRoot(), "s3://bucket/dev/");
  assertEquals(getTargetRoot("archive"), "/data/archive/");
  using _other = variables({ STARDAG_PROFILE: "prod" });
  assert(getTargetRoot().endsWith("/.stardag/local-target-roots/default/default/"));
});

Deno.test("getTargetRoot() has each variable before the roots of the environment", () => {
  using _ = site(CACHED, { [ROOTS]: '{"archive":"/data/a"}' });
  assertEquals(getTargetRoot("archive"), "/data/a/");
  assertEquals(getTargetRoot(), "s3://bucket/dev/");
  using _own = variables({ [`${ROOTS}__DEFAULT`]: "/data/own" });
  assertEquals(getTargetRoot(), "/data/own/");
});

Deno.test("getTargetRoot() knows the environment by variables alone", () => {
  using _ = site({
    "home/.stardag/target-root-cache.json": targetRootCache("http://localhost:8000", {
      default: "s3://bucket/ids",
    }),
  }, { STARDAG_WORKSPACE_ID: WORKSPACE, STARDAG_ENVIRONMENT_ID: ENVIRONMENT });
  assertEquals(getTargetRoot(), "s3://bucket/ids/");
  using _url = variables({ STARDAG_REGISTRY_URL: "http://other.example/" });
  assertEquals(getTargetRoot(), "/other/");
});

Deno.test("getTargetRoot() says of an unknown key which the environment has", () => {
  using _ = site(CACHED);
  assertThrows(() => getTargetRoot("cold"), ConfigError, 'only "default", "archive"');
});

Deno.test("getTargetRoot() reads no file when a variable answers", () => {
  using here = site({ ...CACHED, "home/.stardag/config.toml": "broken" }, {
    [ROOTS]: '{"default":"/data/a"}',
  });
  assertEquals(getTargetRoot(), "/data/a/");
  const error = assertThrows(() => getTargetRoot("archive"), ConfigError);
  assert(error.message.includes(`"${here.home}/.stardag/config.toml"`), error.message);
});
