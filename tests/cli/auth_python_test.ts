/** Who signs in here is signed in for Python's command line, too, and the other way round. */

import { assertEquals, assertObjectMatch, assertStringIncludes } from "@std/assert";
import { homeVariable } from "../../src/config/paths.ts";
import { pythonTest, runPython } from "../interop/python.ts";
import { WORKSPACE } from "../config/site.ts";
import { type Desk, desk } from "./signing_in.ts";

/** The configuration in Python, after some of its commands. */
async function python(
  { home }: Desk,
  commands: readonly (readonly string[])[] = [],
): Promise<Record<string, unknown>> {
  const env = {
    [homeVariable()]: home,
    STARDAG_NO_REGISTRY: "0",
    STARDAG_TARGET_ROOTS: "{}",
  };
  const args = [JSON.stringify(commands)];
  return await runPython("../config/config.py", { args, env }) as Record<string, unknown>;
}

pythonTest(
  "a sign-in here is one for Python, which goes on with it, and is ended here",
  async () => {
    await using at = await desk();
    at.service.wire.targetRoots = [{ name: "default", uri_prefix: "s3://bucket/dev" }];
    await at.signIn();
    const token = `access-token-cache/default__me_at_example.com__${WORKSPACE}.json`;
    const expected = {
      url: at.service.url,
      profile: "default-my-workspace-development",
      registryName: "default",
      workspaceId: WORKSPACE,
      environmentId: at.service.environmentId,
      user: "me@example.com",
      roots: { default: "s3://bucket/dev" },
    };
    const first = await python(at);
    assertObjectMatch(first, expected);
    assertEquals(first.accessToken, JSON.parse(at.read(token)).access_token);

    const commands = [["auth", "refresh"], ["config", "list", "environments"]];
    assertObjectMatch(await python(at, commands), expected);
    const profile = ["config", "profile", "add", "theirs", "-r", "default", "-u", "me@example.com"];
    await python(at, [[...profile, "-w", "my-workspace", "-e", "development", "--default"]]);
    const again = await at.json("auth", "refresh");
    assertObjectMatch(again as Record<string, unknown>, { user: "me@example.com" });
    const { stdout } = await at.run("auth", "status");
    assertStringIncludes(stdout, "  profile     theirs\n");

    await at.run("auth", "logout");
    assertEquals((await python(at)).accessToken, null);
  },
);
