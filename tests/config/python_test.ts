/**
 * One configuration, two languages: what Python's command line sets up is in force here, and the other way round it finds
 * what it needs under the names used here.
 */

import { assertEquals, assertObjectMatch } from "@std/assert";
import { dirname } from "@std/path";
import { loadConfig, type StardagConfig } from "../../src/config/config.ts";
import { rememberIds, rememberTargetRoots } from "../../src/config/caches_change.ts";
import {
  addProfile,
  addRegistry,
  removeProfile,
  removeRegistry,
  useProfile,
} from "../../src/config/config_change.ts";
import { readCredentials } from "../../src/config/credentials.ts";
import {
  removeCredentials,
  writeAccessToken,
  writeCredentials,
} from "../../src/config/credentials_change.ts";
import { Secret } from "../../src/config/secret.ts";
import { credentialsPath } from "../../src/config/paths.ts";
import { Sources } from "../../src/config/sources.ts";
import { pythonTest, runPython } from "../interop/python.ts";
import { ENVIRONMENT, site, targetRootCache, USER_FILES, variables, WORKSPACE } from "./site.ts";

/** The configuration in Python, after some commands. */
async function python(commands: readonly (readonly string[])[] = []): Promise<unknown> {
  return await runPython("../config/config.py", { args: [JSON.stringify(commands)] });
}

/** The same, here; Python leaves roots without a slash at their end as they are. */
function here(config: StardagConfig): unknown {
  const { api, context, target } = config;
  const { profile, registryName, workspaceId, environmentId, user } = context;
  const roots = Object.entries(target.roots).map(([key, root]) => [key, root.replace(/\/$/, "")]);
  return {
    url: api.isUsed ? api.url : null,
    timeout: api.timeout / 1000,
    profile: profile ?? null,
    registryName: registryName ?? null,
    workspaceId: workspaceId ?? null,
    environmentId: environmentId ?? null,
    user: user ?? null,
    apiKey: config.apiKey?.reveal() ?? null,
    accessToken: config.accessToken?.token.reveal() ?? null,
    roots: Object.fromEntries(roots),
  };
}

/** The service, as far as the command line asks it when a profile is added. */
function service(): Deno.HttpServer<Deno.NetAddr> {
  const environment = `/api/v1/ui/workspaces/${WORKSPACE}/environments`;
  const answers: Record<string, unknown> = {
    "/token": { access_token: "oidc", refresh_token: "next" },
    "/api/v1/auth/exchange": { access_token: "jwt", token_type: "bearer", expires_in: 600 },
    "/api/v1/ui/me": { workspaces: [{ id: WORKSPACE, slug: "my-workspace", name: "Mine" }] },
    [environment]: [{ id: ENVIRONMENT, slug: "development", name: "Development" }],
    [`${environment}/${ENVIRONMENT}/target-roots`]: [
      { id: "1", name: "default", uri_prefix: "s3://bucket/dev" },
      { id: "2", name: "archive", uri_prefix: "~/archive" },
    ],
  };
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    await request.text();
    const answer = answers[new URL(request.url).pathname];
    return answer === undefined
      ? Response.json({ detail: "Not found" }, { status: 404 })
      : Response.json(answer);
  });
}

pythonTest("a profile that Python's command line adds is in force here", async () => {
  using theSite = site();
  const { home } = theSite;
  await using server = service();
  const url = `http://127.0.0.1:${server.addr.port}`;
  const credentials = credentialsPath(home, "local", "me@example.com");
  Deno.mkdirSync(dirname(credentials), { recursive: true });
  Deno.writeTextFileSync(
    credentials,
    JSON.stringify({ refresh_token: "first", token_endpoint: `${url}/token`, client_id: "cli" }),
  );

  const theirs = await python([
    ["config", "registry", "add", "local", "--url", `${url}/`],
    ["config", "profile", "add", "dev", "-r", "local", "-u", "me@example.com"].concat(
      ["-w", "my-workspace", "-e", "development", "--default"],
    ),
    ["config", "registry", "add", "we ird", "--url", "https://api.example.com"],
  ]);

  const config = loadConfig();
  assertEquals(here(config), theirs);
  assertEquals(here(config), {
    url,
    timeout: 30,
    profile: "dev",
    registryName: "local",
    workspaceId: WORKSPACE,
    environmentId: ENVIRONMENT,
    user: "me@example.com",
    apiKey: null,
    accessToken: "jwt",
    roots: { default: "s3://bucket/dev", archive: `${home}/archive` },
  });
  const { refreshToken, tokenEndpoint, clientId } =
    readCredentials(new Sources(), config.context) ?? {};
  assertEquals(
    [refreshToken?.reveal(), tokenEndpoint, clientId],
    ["next", `${url}/token`, "cli"],
  );
});

pythonTest("files and variables mean the same here and in Python", async () => {
  using _ = site({
    ...USER_FILES,
    "home/.stardag/target-root-cache.json": targetRootCache("https://api.example.com", {
      default: "s3://bucket/prod",
    }),
    "project/.stardag/config.toml": '[default]\nprofile = "ours"\n' +
      `[profile.ours]\nregistry = "central"\norganization = "${WORKSPACE}"\n` +
      `environment = "${ENVIRONMENT}"\nuser = "me@example.com"\n`,
  });
  const same = async (values: Readonly<Record<string, string>>) => {
    using _ = variables(values);
    const theirs = await python();
    assertEquals(here(loadConfig()), theirs, JSON.stringify(values));
  };
  await same({});
  await same({ STARDAG_PROFILE: "prod", STARDAG_API_TIMEOUT: "2.5", STARDAG_API_KEY: "sk_1" });
  await same({ STARDAG_PROFILE: "dev", STARDAG_TARGET_ROOTS: '{"default":"~/x","a":"/a"}' });
  await same({ STARDAG_TARGET_ROOTS__DEFAULT: "/own", STARDAG_TARGET_ROOTS__A_B: "s3://b" });
  await same({ STARDAG_NO_REGISTRY: "1" });
  await same({ STARDAG_NO_REGISTRY: "0" });
  using _none = site();
  await same({});
  await same({ STARDAG_API_URL: "http://api.example.com", STARDAG_API_KEY: "sk_1" });
  await same({ STARDAG_API_URL: "http://a.example", STARDAG_REGISTRY_URL: "http://b.example" });
});

pythonTest("what is written here is read by Python, and the other way round", async () => {
  using theSite = site();
  const { home } = theSite;
  await using server = service();
  const url = `http://127.0.0.1:${server.addr.port}`;
  await addRegistry(home, "we.ird", `${url}/`);
  await addProfile(home, "dev", {
    registry: "we.ird",
    user: "me@example.com",
    workspace: "my-workspace",
    environment: "development",
  });
  await useProfile(home, "dev");
  await rememberIds(home, "we.ird", {
    workspaces: { "my-workspace": WORKSPACE },
    environments: { [WORKSPACE]: { development: ENVIRONMENT } },
  });
  await rememberTargetRoots(home, url, WORKSPACE, ENVIRONMENT, { default: "s3://bucket/here" });
  await writeAccessToken(home, "we.ird", "me@example.com", WORKSPACE, {
    token: new Secret("written-here"),
    expiresIn: 600,
  });
  const first = await python();
  assertEquals(first, here(loadConfig()));
  const expected = { accessToken: "written-here", profile: "dev", workspaceId: WORKSPACE };
  assertObjectMatch(first as Record<string, unknown>, expected);

  // Credentials that are written here do for Python: it gets a token, and what it writes is read here.
  await removeCredentials(home, "we.ird", "me@example.com");
  await writeCredentials(home, "we.ird", "me@example.com", {
    refreshToken: new Secret("first"),
    tokenEndpoint: `${url}/token`,
    clientId: "cli",
  });
  const commands = [
    ["auth", "refresh"],
    ["config", "profile", "add", "theirs", "-r", "we.ird", "-u", "me@example.com"].concat(
      ["-w", "my-workspace", "-e", "development"],
    ),
    ["config", "registry", "add", "other", "--url", "https://other.example"],
  ];
  const second = await python(commands);
  assertEquals(here(loadConfig()), second);
  const roots = { default: "s3://bucket/dev", archive: `${home}/archive` };
  assertObjectMatch(second as Record<string, unknown>, { accessToken: "jwt", roots });
  const { context } = loadConfig();
  assertEquals(readCredentials(new Sources(), context)?.refreshToken?.reveal(), "next");
  await removeProfile(home, "dev");
  await removeRegistry(home, "other");
  assertEquals(await python(), here(loadConfig()));
});
