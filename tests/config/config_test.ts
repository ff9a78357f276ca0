import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import { configProvider, getTargetRoot, loadConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/errors.ts";
import { homeVariable } from "../../src/config/paths.ts";
import { ENVIRONMENT, site, targetRootCache, USER_FILES, variables, WORKSPACE } from "./site.ts";

const OTHER_ID = "0190b8a0-0000-7000-8000-0000000000ff";

/** A token file of the user above, that holds until the time given. */
function tokenFile(expiresAt: number): Record<string, string> {
  const path = `home/.stardag/access-token-cache/local__me_at_example.com__${WORKSPACE}.json`;
  return { [path]: JSON.stringify({ access_token: "jwt-hidden", expires_at: expiresAt }) };
}

const LATER = Date.now() / 1000 + 3600;

// ---- each source on its own ----

Deno.test("loadConfig() without variables and files gives the defaults", () => {
  using here = site();
  assertEquals(loadConfig(), {
    target: {
      roots: { default: `${here.home}/.stardag/local-target-roots/default/default/` },
    },
    api: { isUsed: false, url: "http://localhost:8000", timeout: 30_000 },
    context: {
      profile: undefined,
      registryName: undefined,
      user: undefined,
      workspace: undefined,
      workspaceId: undefined,
      environment: undefined,
      environmentId: undefined,
    },
    apiKey: undefined,
    accessToken: undefined,
  });
});

Deno.test("each variable works on its own", () => {
  using _ = site();
  const config = (name: string, value: string) => {
    using _ = variables({ [name]: value });
    return loadConfig();
  };
  assertEquals(
    config("STARDAG_REGISTRY_URL", "https://api.example.com/").api.url,
    "https://api.example.com",
  );
  assertEquals(
    config("STARDAG_API_URL", "https://api.example.com").api,
    { isUsed: true, url: "https://api.example.com", timeout: 30_000 },
  );
  assertEquals(config("STARDAG_API_TIMEOUT", "2.5").api.timeout, 2_500);
  assertEquals(config("STARDAG_API_KEY", "sk_1").apiKey?.reveal(), "sk_1");
  assertEquals(config("STARDAG_WORKSPACE_ID", OTHER_ID).context.workspaceId, OTHER_ID);
  assertEquals(config("STARDAG_ENVIRONMENT_ID", OTHER_ID).context.environmentId, OTHER_ID);
  assertEquals(
    config("STARDAG_TARGET_ROOTS", '{"default":"/a","archive":"/b"}').target.roots,
    { default: "/a/", archive: "/b/" },
  );
  const { archive } = config("STARDAG_TARGET_ROOTS__ARCHIVE", "/c").target.roots;
  assertEquals(archive, "/c/");
});

Deno.test("each variable says otherwise than the profile for itself alone", () => {
  using _ = site(USER_FILES);
  const dev = loadConfig();
  const config = (name: string, value: string) => {
    using _ = variables({ [name]: value });
    return loadConfig();
  };
  const other = config("STARDAG_ENVIRONMENT_ID", OTHER_ID);
  assertEquals(other.api, dev.api);
  assertEquals(other.context, {
    ...dev.context,
    environment: OTHER_ID,
    environmentId: OTHER_ID,
  });
  assertEquals(config("STARDAG_REGISTRY_URL", "http://localhost:9000").context, dev.context);
  const { workspaceId, environment, environmentId } =
    config("STARDAG_WORKSPACE_ID", OTHER_ID).context;
  // The slug is one of the other workspace, whose ids are not known.
  assertEquals([workspaceId, environment, environmentId], [OTHER_ID, "development", undefined]);
});

Deno.test("STARDAG_API_URL goes before STARDAG_REGISTRY_URL, as in Python", () => {
  using _ = site({}, { STARDAG_API_URL: "http://a.example", STARDAG_REGISTRY_URL: "http://b" });
  assertEquals(loadConfig().api.url, "http://a.example");
});

Deno.test("a registry is used when a url, a profile or a key says that there is one", () => {
  const isUsed = (files: Record<string, string>, values: Record<string, string>): boolean => {
    using _ = site(files, values);
    return loadConfig().api.isUsed;
  };
  assertEquals(isUsed({}, {}), false);
  assertEquals(isUsed({}, { STARDAG_API_TIMEOUT: "1", STARDAG_WORKSPACE_ID: OTHER_ID }), false);
  assertEquals(isUsed({}, { STARDAG_REGISTRY_URL: "http://localhost:8000" }), true);
  assertEquals(isUsed({}, { STARDAG_API_KEY: "sk_1" }), true);
  assertEquals(isUsed(USER_FILES, {}), true);
});

Deno.test("STARDAG_NO_REGISTRY takes the registry away, and what a profile says of it", () => {
  const none = site({}, {});
  const { target } = loadConfig();
  none[Symbol.dispose]();
  for (const yes of ["1", "true", "YES", "on"]) {
    using here = site({
      ...USER_FILES,
      "home/.stardag/target-root-cache.json": targetRootCache("http://localhost:9000", {
        default: "s3://bucket/dev",
      }),
    }, { STARDAG_NO_REGISTRY: yes, STARDAG_PROFILE: "unknown", STARDAG_API_KEY: "sk_1" });
    const config = loadConfig();
    assertEquals([config.api.isUsed, config.context.profile], [false, undefined]);
    assertEquals(Object.keys(config.target.roots), Object.keys(target.roots));
    assertStringIncludes(`${config.target.roots.default}`, here.home);
  }
  for (const no of ["0", "false", "", "off"]) {
    using _ = site(USER_FILES, { STARDAG_NO_REGISTRY: no });
    assertEquals(loadConfig().api.isUsed, true);
  }
});

Deno.test("loadConfig() reads the user's file, and the ids behind slugs", () => {
  using _ = site(USER_FILES);
  const { api, context } = loadConfig();
  assertEquals(api.url, "http://localhost:9000");
  assertEquals(context, {
    profile: "dev",
    registryName: "local",
    user: "me@example.com",
    workspace: "my-workspace",
    workspaceId: WORKSPACE,
    environment: "development",
    environmentId: ENVIRONMENT,
  });
});

Deno.test("STARDAG_PROFILE names another profile than the default one", () => {
  using _ = site(USER_FILES, { STARDAG_PROFILE: "prod" });
  const { api, context } = loadConfig();
  assertEquals(api.url, "https://api.example.com");
  assertEquals([context.profile, context.user], ["prod", undefined]);
  assertEquals([context.workspaceId, context.environmentId], [WORKSPACE, ENVIRONMENT]);
});

Deno.test("a slug whose id is not known is given as it is", () => {
  using _ = site({ "home/.stardag/config.toml": USER_FILES["home/.stardag/config.toml"] });
  const { context } = loadConfig();
  assertEquals([context.workspace, context.workspaceId], ["my-workspace", undefined]);
  assertEquals([context.environment, context.environmentId], ["development", undefined]);
});

Deno.test("workspaces may be called organization, as they once were", () => {
  const text = USER_FILES["home/.stardag/config.toml"].replaceAll("workspace =", "organization =");
  using _ = site({ ...USER_FILES, "home/.stardag/config.toml": text });
  assertEquals(loadConfig().context.workspaceId, WORKSPACE);
});

Deno.test("the nearest project's file goes before the user's, entry by entry", () => {
  using _ = site({
    ...USER_FILES,
    "project/.stardag/config.toml": `[default]\nprofile = "ours"\n
      [profile.ours]\nregistry = "central"\nworkspace = "w"\nenvironment = "e"\n
      [profile.prod]\nregistry = "central"\nworkspace = "theirs"\nenvironment = "e"\n
      [registry.local]\nurl = "http://localhost:7000"\n`,
    "project/deep/.stardag": "a file of that name is no folder",
  });
  const { api, context } = loadConfig();
  assertEquals([context.profile, api.url], ["ours", "https://api.example.com"]);
  assertEquals(loadConfig({ useProjectConfig: false }).context.profile, "dev");
  using _profile = variables({ STARDAG_PROFILE: "dev" });
  assertEquals(loadConfig().api.url, "http://localhost:7000");
  using _prod = variables({ STARDAG_PROFILE: "prod" });
  assertEquals(loadConfig().context.workspace, "theirs");
});

Deno.test("the target roots are those of variables, then of the environment, then the default", () => {
  using _ = site({
    ...USER_FILES,
    "home/.stardag/target-root-cache.json": targetRootCache("http://localhost:9000/", {
      default: "s3://bucket/dev",
      archive: "~/archive",
      "my-cold": "s3://cold",
    }),
  }, {
    STARDAG_TARGET_ROOTS: '{"archive":"/a"}',
    STARDAG_TARGET_ROOTS__MY_COLD: "/cold",
    STARDAG_TARGET_ROOTS__NEW: "/new",
  });
  assertEquals(loadConfig().target.roots, {
    default: "s3://bucket/dev/",
    archive: "/a/",
    "my-cold": "/cold/",
    new: "/new/",
  });
});

Deno.test("the token of who has signed in is read until it expires, and where there is no key", () => {
  {
    using _ = site({ ...USER_FILES, ...tokenFile(LATER) });
    const token = loadConfig().accessToken;
    assertEquals(token?.token.reveal(), "jwt-hidden");
    assertEquals(token?.expiresAt.getTime(), new Date(LATER * 1000).getTime());
    using _key = variables({ STARDAG_API_KEY: "sk_1" });
    assertEquals(loadConfig().accessToken, undefined);
  }
  using _ = site({ ...USER_FILES, ...tokenFile(Date.now() / 1000 - 1) });
  assertEquals(loadConfig().accessToken, undefined);
});

Deno.test("a token goes to no other url than that of the user's own registry", () => {
  const files = { ...USER_FILES, ...tokenFile(LATER) };
  {
    using _ = site(files, { STARDAG_REGISTRY_URL: "http://elsewhere.example" });
    const { accessToken, context } = loadConfig();
    assertEquals(accessToken, undefined);
    assertEquals([context.profile, context.user, context.workspaceId], Array(3).fill(undefined));
  }
  const theirs = '[registry.local]\nurl = "http://elsewhere.example"\n';
  using _ = site({ ...files, "project/.stardag/config.toml": theirs });
  const { accessToken, api, context } = loadConfig();
  assertEquals(api.url, "http://elsewhere.example");
  assertEquals([accessToken, context.user], [undefined, undefined]);
});

Deno.test("a project gets no sign-in by a name that the user's file does not have", () => {
  const own = USER_FILES["home/.stardag/config.toml"];
  const theirs = own.replace(/url = "[^"]*"/g, 'url = "http://elsewhere.example"');
  using _ = site({
    ...USER_FILES,
    ...tokenFile(LATER),
    "home/.stardag/config.toml": "",
    "project/.stardag/config.toml": theirs,
  });
  const { accessToken, api, context } = loadConfig();
  assertEquals(api.url, "http://elsewhere.example");
  assertEquals([accessToken, context.user], [undefined, undefined]);
});

Deno.test("loadConfig() without a home folder gives what there is without one", () => {
  using _ = site(USER_FILES, { [homeVariable()]: "" });
  assertEquals([loadConfig().target.roots, loadConfig().context.profile], [{}, undefined]);
});

// ---- what is wrong is said ----

/** What loadConfig() says of a site. */
function complaint(files: Record<string, string>, values: Record<string, string> = {}): string {
  using here = site(files, values);
  const { message } = assertThrows(() => loadConfig(), ConfigError);
  return message.replaceAll(here.root, "");
}

Deno.test("an unknown profile is an error that names where it is set and the choices", () => {
  const byVariable = complaint(USER_FILES, { STARDAG_PROFILE: "prd" });
  assertStringIncludes(byVariable, '"prd" of STARDAG_PROFILE: the profiles are "dev", "prod"');
  assertEquals(
    complaint({}, { STARDAG_PROFILE: "constructor" }),
    'Cannot use the profile "constructor" of STARDAG_PROFILE: there are no profiles. Add [profile.constructor]',
  );
  const byFile = complaint({
    ...USER_FILES,
    "project/.stardag/config.toml": '\n[default]\nprofile = "ours" # since May\n',
  });
  assertStringIncludes(byFile, '"ours" of "/project/.stardag/config.toml", line 3:');
  assertStringIncludes(byFile, '"dev", "prod"');
});

Deno.test("a profile of an unknown registry is an error that names its line and the choices", () => {
  const message = complaint({
    ...USER_FILES,
    "project/.stardag/config.toml":
      '[profile."a b"]\nworkspace = "w"\nregistry = "lokal"\nenvironment = "e"\n',
  }, { STARDAG_PROFILE: "a b" });
  assertStringIncludes(message, '"/project/.stardag/config.toml", line 3');
  assertStringIncludes(message, 'is "lokal", and the registries are "local", "central"');
});

Deno.test("a file that is no TOML is an error that names file and line", () => {
  const message = complaint({ "home/.stardag/config.toml": '[registry.a]\nurl "http://x"\n' });
  assertStringIncludes(message, '"/home/.stardag/config.toml"');
  assertStringIncludes(message, "line 2");
  const lines = complaint({ "home/.stardag/config.toml": "[registry.a]\nurl =\nx = 1\n" });
  assert(!lines.includes("\n"), lines);
});

Deno.test("an entry of the wrong type is an error that names file, line and entry", () => {
  const cases: Record<string, readonly string[]> = {
    "[registry.a]\n\nurl = 5": ["line 3", "registry.a.url", "expected string, received number"],
    "[registry.a]\n[registry.b]\nurl='http://b'": ["line 1", "registry.a.url (it is missing)"],
    "registry = 1": ["line 1", "registry (expected a table)"],
    "x = 1\n[registry]\na = 1": ["line 3", "registry.a (expected a table) is not as it should"],
    "[registry.a]\nurl = 5\n[registry.b]": ["line 2", ": registry.a.url (Invalid", ") is not as"],
    "[profile.p]\nregistry='a'\nenvironment='e'": [
      "line 1",
      ": profile.p.workspace (it is missing) is not as it should be. Correct",
    ],
    "[profile.p]\nuser='u'": [
      "line 1: profile.p.registry (it is missing), profile.p.workspace (it is missing), " +
      "profile.p.environment (it is missing) are not as they should be. Correct",
    ],
    "[profile.p]\nregistry='a'\nenvironment='e'\norganization=5": [
      "line 4",
      "profile.p.organization",
    ],
    "# x\nprofile.p = { registry = 'a', workspace = 'w' }": ["line 2", "profile.p.environment"],
    "[default]\nprofile = ['a']": ["line 2", "default.profile"],
    "[registry.a]\nurl = 'localhost:8000'": ["line 2", '"localhost:8000"', "http://localhost:8000"],
  };
  for (const [text, parts] of Object.entries(cases)) {
    const message = complaint({ "home/.stardag/config.toml": text });
    for (const part of ["/home/.stardag/config.toml", ...parts]) {
      assertStringIncludes(message, part);
    }
  }
});

Deno.test("a file of the caches that is broken is an error that names it and what to do", () => {
  const cases = {
    "home/.stardag/id-cache.json": ["{", '{"workspaces":{"local":5}}', "[]"],
    "home/.stardag/target-root-cache.json": ["[{]", "{}", '[{"registry_url":"x"}]'],
  };
  for (const [path, texts] of Object.entries(cases)) {
    for (const text of texts) {
      const message = complaint({ ...USER_FILES, [path]: text });
      assertStringIncludes(message, `"/${path}"`);
      assertStringIncludes(message, "Remove it");
    }
  }
});

Deno.test("a file that cannot be read is an error that names it", () => {
  using here = site({ "home/.stardag/config.toml/a.txt": "it is a folder" });
  const error = assertThrows(() => loadConfig(), ConfigError);
  assertStringIncludes(error.message, `"${here.home}/.stardag/config.toml"`);
});

Deno.test("a variable that cannot be used is an error that names it", () => {
  for (const timeout of ["30s", "0", "-1", "1e99", "NaN"]) {
    const message = complaint({}, { STARDAG_API_TIMEOUT: timeout });
    assertStringIncludes(message, `STARDAG_API_TIMEOUT: it is "${timeout}"`);
  }
  for (const name of ["STARDAG_REGISTRY_URL", "STARDAG_API_URL"]) {
    for (const url of ["api.example.com", "ftp://x", "http://x y"]) {
      assertStringIncludes(complaint({}, { [name]: url }), `${name}: it is "${url}"`);
    }
    const message = complaint({}, { [name]: "http://x?a=1" });
    assertStringIncludes(message, `${name}: it has "?" or "#" after "http://x"`);
  }
  const message = complaint({}, { STARDAG_NO_REGISTRY: "maybe" });
  assertStringIncludes(message, 'STARDAG_NO_REGISTRY: it is "maybe"');
  assertStringIncludes(complaint({}, { STARDAG_TARGET_ROOTS: "{" }), "STARDAG_TARGET_ROOTS");
});

Deno.test("an option that does not exist is refused", () => {
  const options = { useProjectconfig: false } as object;
  assertThrows(() => loadConfig(options), TypeError, "useProjectConfig");
});

// ---- secrets ----

Deno.test("secrets show in no text that is made of the configuration", () => {
  const text = (value: unknown): string =>
    [`${value}`, JSON.stringify(value), Deno.inspect(value, { depth: 9 }), inspect(value)].join();
  using _ = site({ ...USER_FILES, ...tokenFile(LATER) });
  const { accessToken } = loadConfig();
  using _key = variables({ STARDAG_API_KEY: "sk-hidden" });
  const config = loadConfig();
  const shown = [config, config.apiKey, accessToken, accessToken?.token].map(text).join();
  assert(!shown.includes("hidden"), shown);
  assertStringIncludes(shown, "[secret]");
});

Deno.test("secrets show in no error", () => {
  const path = Object.keys(tokenFile(0))[0]!;
  const broken = [
    '{"access_token": jwt-hidden}',
    '{"access_token": "jwt-hidden',
    "jwt-hidden",
    '{"access_token": "jwt-hidden", "expires_at": "hidden"}',
  ];
  for (const text of broken) {
    using _ = site({ ...USER_FILES, [path]: text });
    const error = assertThrows(() => loadConfig(), ConfigError);
    assertStringIncludes(error.message, path.slice("home".length));
    assert(!Deno.inspect(error).includes("hidden"), Deno.inspect(error));
  }
  for (
    const values of [
      { STARDAG_API_KEY: "sk-hidden\n" },
      { STARDAG_REGISTRY_URL: "http://me:hidden@x.example" },
      { STARDAG_REGISTRY_URL: "http://me:hid#den hidden@x.example" },
    ]
  ) {
    using _ = site({}, values);
    const error = assertThrows(() => loadConfig(), ConfigError);
    assertStringIncludes(error.message, Object.keys(values)[0]!);
    assert(!Deno.inspect(error).includes("hidden"), Deno.inspect(error));
  }
});

// ---- the provider ----

Deno.test("the configuration in force is loaded once, until it is set or taken back", () => {
  using _ = site({}, { STARDAG_REGISTRY_URL: "http://a.example" });
  configProvider.set(undefined);
  const config = configProvider.get();
  using _later = variables({ STARDAG_REGISTRY_URL: "http://b.example" });
  assert(configProvider.get() === config);
  {
    using _ = configProvider.override({ ...config, api: { ...config.api, timeout: 1 } });
    assertEquals(configProvider.get().api.timeout, 1);
  }
  assert(configProvider.get() === config);
  configProvider.set(undefined);
  assertEquals(configProvider.get().api.url, "http://b.example");
  configProvider.set(undefined);
});

Deno.test("a configuration that is set in code tells the target roots", () => {
  using _ = site({}, { STARDAG_TARGET_ROOTS: '{"default":"/a"}' });
  using _config = configProvider.override({ ...loadConfig(), target: { roots: { cold: "/b" } } });
  assertEquals(getTargetRoot("cold"), "/b/");
  assertThrows(() => getTargetRoot(), ConfigError, 'has "cold"');
});
