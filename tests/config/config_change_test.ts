/** The user's `config.toml` is changed entry by entry; what else people have written there stays. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { loadConfig } from "../../src/config/config.ts";
import {
  addProfile,
  addRegistry,
  removeProfile,
  removeRegistry,
  useProfile,
} from "../../src/config/config_change.ts";
import { ConfigError } from "../../src/errors.ts";
import { site, USER_FILES } from "./site.ts";

const FILE = "home/.stardag/config.toml";
const PROFILE = {
  registry: "local",
  user: "me@example.com",
  workspace: "w",
  environment: "e",
} as const;

/** What is in the file after it was changed. */
async function edited(text: string, change: (home: string) => Promise<unknown>): Promise<string> {
  using here = site({ [FILE]: text });
  await change(here.home);
  return Deno.readTextFileSync(join(here.root, FILE));
}

Deno.test("a first registry and profile make a file that is in force", async () => {
  using here = site();
  await addRegistry(here.home, "local", "http://localhost:9000/");
  await addProfile(here.home, "dev", PROFILE);
  await useProfile(here.home, "dev");
  assertEquals(
    Deno.readTextFileSync(join(here.root, FILE)),
    `[registry.local]
url = "http://localhost:9000"

[profile.dev]
registry = "local"
user = "me@example.com"
workspace = "w"
environment = "e"

[default]
profile = "dev"
`,
  );
  const { api, context } = loadConfig();
  assertEquals([api.url, context.profile], ["http://localhost:9000", "dev"]);
});

Deno.test("what is added leaves all else as it is: order, comments, unknown keys, line ends", async () => {
  const text = USER_FILES[FILE];
  const added = await edited(text, (home) => addRegistry(home, "a b", "https://c.example"));
  assertEquals(added, `${text}\n[registry."a b"]\nurl = "https://c.example"\n`);

  const changed = await edited(text, (home) => addRegistry(home, "central", "https://new"));
  assertEquals(changed, text.replace("https://api.example.com", "https://new"));

  const windows = text.replaceAll("\n", "\r\n");
  assertEquals(
    await edited(windows, (home) => addRegistry(home, "c", "http://c")),
    `${windows}\r\n[registry.c]\r\nurl = "http://c"\r\n`,
  );
  assertEquals(
    await edited(windows, (home) => useProfile(home, "prod")),
    windows.replace(
      'profile = "dev"',
      'profile = "prod"',
    ),
  );
});

Deno.test("a profile that is replaced keeps its place, its comments and keys that are not known", async () => {
  const text = `# mine
[profile . 'dev']   # the usual one
organization = 'old' # once
registry="central" # for all
environment = 'old'
retries = [
  1, # and more
]

# the other one
[profile.other]
registry = "central"
workspace = "w"
environment = "e"
`;
  assertEquals(
    await edited(text, (home) => addProfile(home, "dev", PROFILE)),
    `# mine
[profile . 'dev']   # the usual one
registry="local" # for all
environment = "e"
retries = [
  1, # and more
]
user = "me@example.com"
workspace = "w"

# the other one
[profile.other]
registry = "central"
workspace = "w"
environment = "e"
`,
  );
});

Deno.test("a profile that is replaced by one without a user has none", async () => {
  const text = await edited(
    USER_FILES[FILE],
    (home) => addProfile(home, "dev", { ...PROFILE, user: undefined }),
  );
  assertEquals(
    text,
    USER_FILES[FILE].replace('user = "me@example.com"\n', "")
      .replace("my-workspace", "w").replace('"development"', '"e"'),
  );
});

Deno.test("what is removed goes with its section, and a default profile is none any more", async () => {
  const text = USER_FILES[FILE];
  assertEquals(
    await edited(text, (home) => removeRegistry(home, "central")),
    text.replace(/\[registry\.central\][^[]*/, ""),
  );
  assertEquals(
    await edited(text, (home) => removeProfile(home, "dev")),
    text.replace(/\[profile\.dev\][^[]*/, "").replace('profile = "dev"\n', ""),
  );
  assertEquals(
    await edited(text, (home) => removeProfile(home, "prod")),
    text.replace(/\[profile\.prod\][^[]*/, ""),
  );
});

Deno.test("comments go with what is removed around them, and stay elsewhere", async () => {
  const text = `# first
[profile.dev] # gone
# gone
registry = "local" # gone

# gone
workspace = "w"
environment = "e"
[profile.dev.more] # gone
key = "gone"

# second
[registry.local]
url = "http://a"
`;
  assertEquals(
    await edited(text, (home) => removeProfile(home, "dev")),
    `# first

# second
[registry.local]
url = "http://a"
`,
  );
});

Deno.test("names may be anything that people type", async () => {
  for (const name of ["a.b", 'say "hi"', "back\\slash", "[x]", "= # '", "é"]) {
    using here = site();
    const { home } = here;
    await addRegistry(home, name, "http://a");
    await addRegistry(home, name, "http://b");
    await addProfile(home, name, { ...PROFILE, registry: name });
    await useProfile(home, name);
    const { api, context } = loadConfig();
    assertEquals([api.url, context.profile, context.registryName], ["http://b", name, name]);
    assertEquals(await removeProfile(home, name), true);
    assertEquals(await removeRegistry(home, name), true);
    assertEquals(Deno.readTextFileSync(join(here.root, FILE)), "[default]\n");
  }
});

Deno.test("removing tells whether there was anything, and else leaves the file alone", async () => {
  using here = site(USER_FILES);
  const before = Deno.statSync(join(here.root, FILE)).ino;
  assertEquals(await removeProfile(here.home, "constructor"), false);
  assertEquals(await removeRegistry(here.home, "loc"), false);
  assertEquals(Deno.statSync(join(here.root, FILE)).ino, before);
  assertEquals(await removeRegistry(here.home, "local"), true);
});

Deno.test("entries without a section of their own are changed and removed, too", async () => {
  const text = `default.profile = "dev" # now
registry.local.url = 'http://a'
[profile]
dev.registry = "local"
dev.workspace = "w"
dev.environment = "e"
other = { registry = "local", workspace = "w", environment = "e" }
`;
  assertEquals(
    await edited(text, (home) => addRegistry(home, "local", "http://b")),
    text.replace("'http://a'", '"http://b"'),
  );
  assertEquals(
    await edited(text, (home) => useProfile(home, "other")),
    text.replace('"dev"', '"other"'),
  );
  assertEquals(
    await edited(text, (home) => removeProfile(home, "dev")),
    text.replace(/dev\..*\n/g, "").replace(/default.*\n/, ""),
  );
  assertEquals(
    await edited(text, (home) => removeProfile(home, "other")),
    text.replace(/other.*\n/, ""),
  );
});

Deno.test("what cannot be changed without harm is left as it is, with an error", async () => {
  const inline = `profile.dev = { registry = "a", workspace = "w", environment = "e" }\n`;
  const misleading = `note = """\n[registry.local]\nurl = "http://a"\n[more]\n"""\n`;
  const cases: readonly (readonly [string, (home: string) => Promise<unknown>])[] = [
    [inline, (home) => addProfile(home, "dev", PROFILE)],
    [misleading, (home) => addRegistry(home, "local", "http://b")],
    [misleading, (home) => removeRegistry(home, "local")],
    ['registry = { a = { url = "http://a" } }\n', (home) => addRegistry(home, "b", "http://b")],
  ];
  for (const [text, change] of cases) {
    using here = site({ [FILE]: text });
    const error = await assertRejects(() => change(here.home), ConfigError);
    assertStringIncludes(error.message, `"${here.home}/.stardag/config.toml"`);
    assertEquals(Deno.readTextFileSync(join(here.root, FILE)), text);
  }
});

Deno.test("what would make a file that cannot be used is refused", async () => {
  using here = site(USER_FILES);
  const { home } = here;
  await assertRejects(() => useProfile(home, "prd"), ConfigError, 'are "dev", "prod"');
  const none = await assertRejects(() => useProfile(`${home}/none`, "prd"), ConfigError);
  assertStringIncludes(
    none.message,
    `there are no profiles in "${home}/none/.stardag/config.toml"`,
  );
  await assertRejects(() => addRegistry(home, "x", "localhost"), ConfigError, '"localhost"');
  await assertRejects(() => addRegistry(home, "", "http://x"), ConfigError, "name is empty");
  const nowhere = { ...PROFILE, environment: "" };
  await assertRejects(() => addProfile(home, "x", nowhere), ConfigError, "profile.x.environment");
  assertEquals(Deno.readTextFileSync(join(here.root, FILE)), USER_FILES[FILE]);
  Deno.writeTextFileSync(join(here.root, FILE), "[registry\n");
  await assertRejects(() => addRegistry(home, "x", "http://x"), ConfigError, "line 1");
});
