/**
 * A home folder and a project for one test, with the files it names, and no variable but those it sets.
 */

import { dirname, join } from "@std/path";
import { homeVariable } from "../../src/config/paths.ts";

/** What is configured, for one block. */
export interface Site extends Disposable {
  /** The folder that holds all. */
  readonly root: string;
  /** The home folder. */
  readonly home: string;
  /** The folder of the project; the current one is `deep/er` below it. */
  readonly project: string;
}

export const WORKSPACE = "0190b8a0-0000-7000-8000-000000000001";
export const ENVIRONMENT = "0190b8a0-0000-7000-8000-0000000000e1";

/** Where programs that a test runs find their modules: by default it is in the home folder, which is another one there. */
export const CACHE = Deno.env.get("DENO_DIR") ?? await cacheFolder();

/** The files of a user who works with two registries. */
export const USER_FILES = {
  "home/.stardag/config.toml": `# mine
[registry.local]
url = "http://localhost:9000/"

[registry.central]
url = "https://api.example.com"
region = "unknown keys are left alone"

[profile.dev]
registry = "local"
user = "me@example.com"
workspace = "my-workspace"
environment = "development"

[profile.prod]
registry = "central"
workspace = "${WORKSPACE}"
environment = "${ENVIRONMENT}"

[default]
profile = "dev"
`,
  "home/.stardag/id-cache.json": JSON.stringify({
    workspaces: { local: { "my-workspace": WORKSPACE } },
    environments: { local: { [WORKSPACE]: { development: ENVIRONMENT } } },
  }),
} as const;

/** The file of target roots, for the environment above at the url. */
export function targetRootCache(url: string, roots: Readonly<Record<string, string>>): string {
  const ids = { workspace_id: WORKSPACE, environment_id: ENVIRONMENT };
  const others = { default: "/other" };
  return JSON.stringify([
    { registry_url: "http://other.example", ...ids, target_roots: others },
    { registry_url: url, ...ids, workspace_id: ENVIRONMENT, target_roots: others },
    { registry_url: url, ...ids, environment_id: WORKSPACE, target_roots: others },
    { registry_url: url, ...ids, target_roots: roots },
  ]);
}

/** Makes it; paths begin with `home/` or `project/`. */
export function site(
  files: Readonly<Record<string, string>> = {},
  values: Readonly<Record<string, string>> = {},
): Site {
  const root = Deno.realPathSync(Deno.makeTempDirSync());
  const home = join(root, "home");
  const project = join(root, "project");
  for (const folder of [home, join(project, "deep", "er")]) {
    Deno.mkdirSync(folder, { recursive: true });
  }
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(dirname(join(root, path)), { recursive: true });
    Deno.writeTextFileSync(join(root, path), text);
  }
  const unset = Object.keys(Deno.env.toObject()).filter((name) => name.startsWith("STARDAG_"));
  const set = variables({
    ...Object.fromEntries(unset.map((name) => [name, undefined])),
    [homeVariable()]: home,
    DENO_DIR: CACHE,
    ...values,
  });
  const before = Deno.cwd();
  Deno.chdir(join(project, "deep", "er"));
  return {
    root,
    home,
    project,
    [Symbol.dispose](): void {
      Deno.chdir(before);
      set[Symbol.dispose]();
      Deno.removeSync(root, { recursive: true });
    },
  };
}

/** Sets variables for one block; `undefined` takes one away. */
export function variables(values: Readonly<Record<string, string | undefined>>): Disposable {
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

async function cacheFolder(): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
  const { stdout } = await command.output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
