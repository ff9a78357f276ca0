/** `config`: what is configured, and changes of it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { WORKSPACE } from "../config/site.ts";
import { desk } from "./signing_in.ts";

const PROFILES = `# mine
[registry.local]
url = "http://localhost:9000"

[registry.team]
url = "https://stardag.example.org"

[profile.dev]
registry = "local"
user = "me@example.com"
workspace = "my-workspace"
environment = "development"

[profile.prod]
registry = "local"
workspace = "my-workspace"
environment = "production"

[default]
profile = "dev"
`;
const CONFIG = { ".stardag/config.toml": PROFILES };

interface Shown {
  readonly settings: Readonly<Record<string, { readonly value: unknown; readonly source: string }>>;
  readonly targetRoots: Shown["settings"];
  readonly files: readonly string[];
}

Deno.test("config show tells each value and where it comes from", async () => {
  await using at = await desk(CONFIG);
  const own = join(at.home, ".stardag", "config.toml");
  at.set("STARDAG_ENVIRONMENT_ID", "staging");
  at.set("STARDAG_API_TIMEOUT", "5");
  at.set("STARDAG_TARGET_ROOTS", '{"archive":"s3://bucket/archive"}');
  at.set("STARDAG_TARGET_ROOTS__SCRATCH", "/scratch");
  const { files, settings, targetRoots } = await at.json("config", "show") as Shown;
  assertEquals(files, [own]);
  assertEquals(settings, {
    registryIsUsed: { value: true, source: "" },
    profile: { value: "dev", source: `"${own}", line 20` },
    registry: { value: "local", source: `"${own}", line 9` },
    url: { value: "http://localhost:9000", source: `"${own}", line 3` },
    user: { value: "me@example.com", source: `"${own}", line 10` },
    workspace: { value: "my-workspace", source: `"${own}", line 11` },
    environment: { value: "staging", source: "STARDAG_ENVIRONMENT_ID" },
    timeoutSeconds: { value: 5, source: "STARDAG_API_TIMEOUT" },
    apiKey: { value: null, source: "" },
    accessToken: { value: null, source: "" },
  });
  assertEquals(targetRoots, {
    default: {
      value: `${join(at.home, ".stardag", "local-target-roots", "default", "default")}/`,
      source: "default",
    },
    archive: { value: "s3://bucket/archive/", source: "STARDAG_TARGET_ROOTS" },
    scratch: { value: "/scratch/", source: "STARDAG_TARGET_ROOTS__SCRATCH" },
  });
});

Deno.test("config show has the file of a project, which goes before the user's", async () => {
  await using at = await desk({
    ...CONFIG,
    "work/.stardag/config.toml":
      '[default]\nprofile = "prod"\n[registry.local]\nurl = "http://b"\n',
  });
  const project = join(at.home, "work", ".stardag", "config.toml");
  const { files, settings } = await at.json("config", "show") as Shown;
  assertEquals(files, [project, join(at.home, ".stardag", "config.toml")]);
  assertEquals(settings.profile, { value: "prod", source: `"${project}", line 2` });
  assertEquals(settings.url, { value: "http://b", source: `"${project}", line 4` });
  const { stdout } = await at.run("config", "show");
  assertMatch(stdout, /^ {2}setting +value +from\n/);
  assertMatch(stdout, /\n {2}profile +prod +".*", line 2\n/);
  assertMatch(stdout, /\n {2}user +-\n/);
});

Deno.test("config show shows no key and no token", async () => {
  await using at = await desk();
  await at.signIn();
  const { accessToken } = (await at.json("config", "show") as Shown).settings;
  assertMatch(`${accessToken?.value}`, /^\[secret\], until 20/);
  assertStringIncludes(`${accessToken?.source}`, `me_at_example.com__${WORKSPACE}.json`);
  at.set("STARDAG_API_KEY", at.service.apiKey);
  const { stdout } = await at.run("config", "show");
  assertMatch(stdout, /apiKey +\[secret\] +STARDAG_API_KEY\n/);
  assert(!stdout.includes(at.service.apiKey.slice(0, 6)));
  assert(!/hidden|token\.\d/.test(stdout));
});

Deno.test("config show tells that no registry is used, and why", async () => {
  await using at = await desk(CONFIG);
  at.set("STARDAG_NO_REGISTRY", "1");
  at.set("STARDAG_API_URL", "http://a.example");
  const { settings } = await at.json("config", "show") as Shown;
  assertEquals(settings.registryIsUsed, { value: false, source: "STARDAG_NO_REGISTRY" });
  assertEquals([settings.url?.value, settings.profile?.value], [null, null]);
});

Deno.test("a registry is added, changed, listed and removed, and comments stay", async () => {
  await using at = await desk(CONFIG);
  const add = (url: string) => at.run("config", "registry", "add", "new", "--url", url);
  assertEquals((await add("http://a/")).stdout, 'The registry "new" is at http://a\n');
  assertEquals(
    (await add("http://b")).stdout,
    'The registry "new" is at http://b now, and was at http://a\n',
  );
  const bad = await add("ftp://c");
  assertEquals(bad.code, 1);
  assertStringIncludes(bad.stderr, "no http or https url");
  const registries = await at.json("config", "registry", "list") as { name: string; url: string }[];
  assertEquals(registries.map(({ name, url }) => [name, url]), [
    ["local", "http://localhost:9000"],
    ["team", "https://stardag.example.org"],
    ["new", "http://b"],
  ]);
  const { stdout } = await at.run("config", "registry", "list");
  assertMatch(stdout, /^ {2}name +url +from\n {2}local +http:\/\/localhost:9000 +".*", line 2\n/);
  assertEquals(await at.json("config", "registry", "remove", "new"), {
    removed: "new",
    removedProfiles: [],
  });
  assertEquals(at.read("config.toml").trim(), PROFILES.trim());
});

Deno.test("a registry that profiles use is not removed unless they are to be, too", async () => {
  await using at = await desk(CONFIG);
  const remove = ["config", "registry", "remove"];
  const used = await at.run(...remove, "local");
  assertEquals(used.code, 1);
  assertStringIncludes(used.stderr, 'the profiles "dev", "prod" use it. Remove them first');
  assertEquals(at.read("config.toml"), PROFILES);
  const typo = await at.run(...remove, "loca");
  assertEquals(typo.code, 2);
  assertStringIncludes(typo.stderr, 'Did you mean "local"?');
  const { code, stdout, stderr } = await at.run(...remove, "local", "--with-profiles");
  assertEquals([code, stdout], [0, 'Removed the registry "local", and with it "dev", "prod"\n']);
  assertStringIncludes(stderr, 'The profile "dev" was the default. There is none now');
  assertEquals(await at.json("config", "profile", "list"), []);
});

Deno.test("profiles are listed, used and removed, and a default that is gone is told", async () => {
  await using at = await desk(CONFIG);
  const list = async () =>
    (await at.json("config", "profile", "list") as { name: string; isInUse: boolean }[])
      .map(({ name, isInUse }) => [name, isInUse]);
  assertEquals(await list(), [["dev", true], ["prod", false]]);
  const { stdout: table } = await at.run("config", "profile", "list");
  assertMatch(table, /\n {2}dev +local +me@example\.com +my-workspace +development +in use\n/);

  assertEquals(
    (await at.run("config", "profile", "use", "prod")).stdout,
    'The profile "prod" is the default\n',
  );
  assertEquals(await list(), [["dev", false], ["prod", true]]);
  const other = await at.run("config", "profile", "remove", "dev");
  assertEquals([other.code, other.stdout, other.stderr], [0, 'Removed the profile "dev"\n', ""]);
  const { code, stdout, stderr } = await at.run("config", "profile", "remove", "prod", "--json");
  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout), { removed: "prod", wasDefault: true, default: null });
  assertStringIncludes(stderr, 'The profile "prod" was the default. There is none now: choose one');
  assertEquals(await list(), []);
});

Deno.test("a profile that is not there is wrong use, and the one meant is named", async () => {
  await using at = await desk(CONFIG);
  for (const verb of ["use", "remove"]) {
    const { code, stderr } = await at.run("config", "profile", verb, "prd");
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      `there is no profile "prd", only "dev", "prod". Did you mean "prod"?`,
    );
  }
  assertEquals(at.read("config.toml"), PROFILES);
});

Deno.test("what goes before a default is told", async () => {
  await using at = await desk({
    ...CONFIG,
    "work/.stardag/config.toml": '[default]\nprofile = "dev"\n',
  });
  const project = await at.run("config", "profile", "use", "prod");
  assertMatch(
    project.stderr,
    /work\/\.stardag\/config\.toml", line 2 says "dev" and goes before it here\n/,
  );
  const removed = await at.run("config", "profile", "remove", "prod");
  assertMatch(removed.stderr, /was the default\. The default here is "dev" of ".*", line 2\n/);
  at.set("STARDAG_PROFILE", "prod");
  const variable = await at.run("config", "profile", "use", "dev");
  assertEquals(variable.stderr, 'STARDAG_PROFILE is "prod" and goes before it\n');
});

Deno.test("a profile is added with what is told where nobody can be asked", async () => {
  await using at = await desk(CONFIG);
  const add = ["config", "profile", "add", "new"];
  const { code, stdout, stderr } = await at.run(...add, "-w", "w", "-e", "e", "-u", "me@b", "-d");
  assertEquals([code, stdout], [0, 'The profile "new" is the default\n']);
  assertStringIncludes(stderr, "Not looked up whether there is such a place");
  assertStringIncludes(
    at.read("config.toml"),
    '[profile.new]\nregistry = "local"\nuser = "me@b"\nworkspace = "w"\nenvironment = "e"\n',
  );
  const less = await at.run(...add, "-r", "team", "-w", "w");
  assertEquals(less.code, 1);
  assertStringIncludes(less.stderr, "or name both --workspace and --environment");
  const typo = await at.run(...add, "-r", "taem");
  assertEquals(typo.code, 2);
  assertStringIncludes(typo.stderr, 'Did you mean "team"?');
});

Deno.test("a profile is added with what the registry tells where somebody is signed in", async () => {
  await using at = await desk();
  await at.signIn();
  await Deno.remove(join(at.home, ".stardag", "id-cache.json"));
  assertEquals(await at.json("config", "profile", "add", "short"), {
    name: "short",
    registry: "default",
    user: "me@example.com",
    workspace: "my-workspace",
    environment: "development",
    isDefault: false,
  });
  assertStringIncludes(at.read("id-cache.json"), at.service.environmentId);
  const before = at.read("config.toml");
  const typo = await at.run(
    "config",
    "profile",
    "add",
    "b",
    "-w",
    "my-workspace",
    "-e",
    "devlopment",
  );
  assertEquals(typo.code, 2);
  assertStringIncludes(typo.stderr, 'Did you mean "development"?');
  assertEquals(at.read("config.toml"), before);
});

Deno.test("what there is in the registry is listed, and what is in use is marked", async () => {
  await using at = await desk();
  await at.signIn();
  const { environmentId } = at.service;
  assertEquals(await at.json("config", "list", "workspaces"), [
    { id: WORKSPACE, slug: "my-workspace", name: "Mine", isInUse: true },
  ]);
  assertEquals(await at.json("config", "list", "environments"), [
    { id: environmentId, slug: "development", name: "Development", isInUse: true },
  ]);
  const { stdout } = await at.run("config", "list", "environments", "-w", WORKSPACE);
  assertMatch(stdout, /^ {2}slug +name +id\n {2}development +Development +\S+ +in use\n$/);
  const typo = await at.run("config", "list", "environments", "-w", "my-workspac");
  assertEquals(typo.code, 2);
  assertStringIncludes(typo.stderr, 'Did you mean "my-workspace"?');
});

Deno.test("target roots are those that the registry tells when it is asked", async () => {
  await using at = await desk();
  await at.signIn();
  at.service.wire.targetRoots = [{ name: "archive", uri_prefix: "s3://bucket/\x1b[31marchive" }];
  const { code, stdout } = await at.run("config", "target-roots", "sync");
  assertEquals(code, 0);
  assertMatch(stdout, /^ {2}key +root\n {2}archive +s3:\/\/bucket\/archive\n$/);
  const list = await at.json("config", "target-roots", "list") as Shown["settings"];
  assertEquals(Object.keys(list), ["default", "archive"]);
  assertMatch(`${list.archive?.source}`, /target-root-cache\.json"$/);
  at.service.wire.targetRoots = [];
  const none = await at.run("config", "target-roots", "sync");
  assertEquals([none.code, none.stdout], [0, ""]);
  assertStringIncludes(none.stderr, 'The environment "development" has no target roots');
});

Deno.test("a registry that is asked in the name of nobody is an error that says what to do", async () => {
  await using at = await desk(CONFIG);
  for (const args of [["list", "workspaces"], ["list", "environments"], ["target-roots", "sync"]]) {
    const { code, stdout, stderr } = await at.run("config", ...args, "--json");
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'in with "stardag auth login"');
    assertEquals(JSON.parse(stdout).exitCode, 1);
  }
});

Deno.test("a configuration that cannot be read is a failure that names file and line", async () => {
  await using at = await desk({ ".stardag/config.toml": '[registry.local]\nurl = "ftp://x"\n' });
  for (const args of [["show"], ["registry", "list"], ["profile", "use", "x"]]) {
    const { code, stderr } = await at.run("config", ...args);
    assertEquals(code, 1);
    assertMatch(stderr, /config\.toml", line 2/);
  }
});

Deno.test("nothing new is called by what does not do as a name; what is there may be", async () => {
  await using at = await desk({
    ".stardag/config.toml": `[registry."we/ird"]\nurl = "http://a"\n`,
  });
  for (const name of ["__proto__", "a\nb", "\x1b[31mred", "../../etc", "", "-a"]) {
    const add = ["add", "--url", "http://b", "--", name];
    const registry = await at.run("config", "registry", ...add);
    assertEquals([registry.code, registry.stdout], [2, ""], name);
    assertStringIncludes(registry.stderr, "a registry is called by letters and digits");
    assert(!registry.stderr.includes("\x1b"));
    const profile = await at.run("config", "profile", "add", "-r", "we/ird", "--", name);
    assertEquals([profile.code, profile.stdout], [2, ""], name);
    assertStringIncludes(profile.stderr, "a profile is called by letters and digits");
  }
  const login = await at.run("auth", "login", "--api-url", "http://b", "-r", "../b");
  assertEquals(login.code, 2);
  const changed = await at.run("config", "registry", "add", "we/ird", "--url", "http://b");
  assertEquals([changed.code, changed.stderr], [0, ""]);
  assertEquals((await at.run("config", "registry", "add", "Größe 2", "--url", "http://b")).code, 0);
});
