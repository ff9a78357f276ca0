/**
 * What is not permitted is not read, and nobody is asked: programs run with just the flags that a test gives them.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { StardagConfig } from "../../src/config/config.ts";
import { homeVariable } from "../../src/config/paths.ts";
import { site, targetRootCache, USER_FILES, variables } from "./site.ts";

const CHILD = fromFileUrl(import.meta.resolve("./child.ts"));
const CONFIG = fromFileUrl(import.meta.resolve("../../deno.json"));
const HOME = homeVariable();
const ROOTS = "STARDAG_TARGET_ROOTS";

interface Denied {
  readonly flag: string;
  readonly message: string;
}

/** Runs the program in the current folder, with the variables of this process. */
async function run<T>(flags: readonly string[], ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", `--config=${CONFIG}`, ...flags, CHILD, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assertEquals([code, text.decode(stderr)], [0, ""]);
  return JSON.parse(text.decode(stdout));
}

const FILES = {
  ...USER_FILES,
  "home/.stardag/target-root-cache.json": targetRootCache("http://localhost:9000", {
    default: "s3://bucket/dev",
  }),
};

Deno.test("loadConfig() without any permission gives the defaults, and no root that it cannot tell", async () => {
  using _ = site(FILES, { STARDAG_API_KEY: "sk_1", STARDAG_PROFILE: "prod" });
  const { api, context, target } = await run<StardagConfig>([]);
  assertEquals(api, { isUsed: false, url: "http://localhost:8000", timeout: 30_000 });
  assertEquals([context, target], [{}, { roots: {} }] as unknown);
});

Deno.test("loadConfig() reads the one variable that it may", async () => {
  using _ = site(FILES, { STARDAG_API_TIMEOUT: "7", STARDAG_REGISTRY_URL: "http://x" });
  const { api } = await run<StardagConfig>(["--allow-env=STARDAG_API_TIMEOUT"]);
  assertEquals(api, { isUsed: false, url: "http://localhost:8000", timeout: 7_000 });
});

Deno.test("loadConfig() reads the project's file without the user's, and the user's without the project's", async () => {
  using here = site({
    ...FILES,
    "project/.stardag/config.toml": '[default]\nprofile = "p"\n[registry.r]\nurl = "http://r"\n' +
      '[profile.p]\nregistry = "r"\nworkspace = "w"\nenvironment = "e"\n',
  });
  const env = `--allow-env=STARDAG_*,${HOME}`;
  const project = await run<StardagConfig>([env, `--allow-read=${here.project}`]);
  assertEquals([project.context.profile, project.api.url], ["p", "http://r"]);
  const user = await run<StardagConfig>([env, `--allow-read=${here.home}`]);
  assertEquals([user.context.profile, user.context.environment], ["dev", "development"]);
  assertEquals(user.target.roots, { default: "s3://bucket/dev/" });
});

Deno.test("a profile that a variable names and that may not be read is an error that names the flag", async () => {
  using here = site(FILES, { STARDAG_PROFILE: "prod" });
  const env = `--allow-env=STARDAG_NO_REGISTRY,STARDAG_PROFILE,${HOME}`;
  const first = await run<Denied>(["--allow-env=STARDAG_PROFILE"]);
  assertStringIncludes(first.flag, env);
  assertStringIncludes(first.message, `"prod" of STARDAG_PROFILE`);
  const second = await run<Denied>([env]);
  assert(second.flag.startsWith("--allow-read="), second.flag);
  assertStringIncludes(second.flag, `${here.home}/.stardag/config.toml`);
  assertStringIncludes(second.message, `Run with ${second.flag}, which is where profiles are set`);
  const { context } = await run<StardagConfig>([env, second.flag]);
  assertEquals(context.profile, "prod");
});

Deno.test("a profile that may be set in a folder above the current one is an error that names the flag", async () => {
  const profile = '[profile.ours]\nregistry = "r"\nworkspace = "w"\nenvironment = "e"\n';
  using here = site({
    "project/.stardag/config.toml": `${profile}[registry.r]\nurl = "http://r"\n`,
  }, { STARDAG_PROFILE: "ours" });
  const [env, read] = [`--allow-env=STARDAG_*,${HOME}`, `--allow-read=${here.project}/deep/er`];
  const denied = await run<Denied>([env, read, `--allow-read=${here.home}`]);
  const [nearest, next] = denied.flag.replace("--allow-read=", "").split(",");
  assertEquals([nearest, next], [
    `${here.project}/deep/.stardag/config.toml`,
    `${here.project}/.stardag/config.toml`,
  ]);
  assertStringIncludes(denied.message, '"ours" of STARDAG_PROFILE: there are no profiles, and');
  const { context } = await run<StardagConfig>([env, read, denied.flag]);
  assertEquals(context.profile, "ours");
  // What is above the file in use is not asked for.
  using _ = variables({ STARDAG_PROFILE: "others" });
  const flags = [env, `--allow-read=${here.project}/.stardag`];
  const { flag } = await run<Denied>(flags);
  assertEquals(
    flag,
    "--allow-read=" + [
      `${here.home}/.stardag/config.toml`,
      `${here.project}/deep/er/.stardag/config.toml`,
      `${here.project}/deep/.stardag/config.toml`,
    ],
  );
});

Deno.test("a registry that may be set in a folder above the current one is an error that names the flag", async () => {
  const profile = '[profile.ours]\nregistry = "r"\nworkspace = "w"\nenvironment = "e"\n';
  using here = site({
    "project/.stardag/config.toml": '[registry.r]\nurl = "http://r"\n',
    "home/.stardag/config.toml": `${profile}[default]\nprofile = "ours"\n`,
  });
  const flags = [`--allow-env=STARDAG_*,${HOME}`, `--allow-read=${here.home}`];
  const { flag, message } = await run<Denied>(flags);
  assertStringIncludes(flag, `${here.project}/.stardag/config.toml`);
  assertStringIncludes(message, 'is "r", and there are no registries, and Deno may not read');
  assertStringIncludes(message, `Run with ${flag}, which is where registries are set`);
  const { api } = await run<StardagConfig>([...flags, flag]);
  assertEquals(api.url, "http://r");
});

Deno.test("getTargetRoot() needs one variable where that answers, whatever the files are", async () => {
  using _ = site({ "home/.stardag/config.toml": "broken" }, { [ROOTS]: '{"default":"/data"}' });
  assertEquals(await run<string>([`--allow-env=${ROOTS}`], "root"), "/data/");
});

Deno.test("getTargetRoot() takes the default root with the permission for its variables", async () => {
  using here = site(FILES);
  const flags = [`--allow-env=${ROOTS},${ROOTS}__DEFAULT,${HOME}`];
  const root = `${here.home}/.stardag/local-target-roots/default/default/`;
  assertEquals(await run<string>(flags, "root"), root);
});

Deno.test("getTargetRoot() takes no root of an environment that unseen variables may replace", async () => {
  using here = site(FILES);
  const read = `--allow-read=${here.home}`;
  const variables = `--allow-env=${ROOTS},${ROOTS}__DEFAULT,${HOME}`;
  const denied = await run<Denied>([variables, read], "root");
  assertEquals(
    denied.flag,
    `${variables},STARDAG_NO_REGISTRY,STARDAG_PROFILE,STARDAG_API_URL,STARDAG_REGISTRY_URL,` +
      "STARDAG_WORKSPACE_ID,STARDAG_ENVIRONMENT_ID",
  );
  assertStringIncludes(denied.message, '"development"');
  assertEquals(await run<string>([denied.flag, read], "root"), "s3://bucket/dev/");
});

Deno.test("getTargetRoot() takes no default root while the environment in use may have one", async () => {
  using here = site(FILES);
  const folder = `${here.home}/.stardag`;
  const env = `--allow-env=STARDAG_*,${HOME}`;
  const read = `--allow-read=${folder}/config.toml,${folder}/id-cache.json`;
  const denied = await run<Denied>([env, read], "root");
  assertEquals(denied.flag, `--allow-read=${folder}/target-root-cache.json`);
  assertEquals(await run<string>([env, read, denied.flag], "root"), "s3://bucket/dev/");
  // The configuration as a whole leaves out what cannot be told.
  const { target, context } = await run<StardagConfig>([env, read]);
  assertEquals(target.roots, {});
  assertEquals(context.profile, "dev");
});
