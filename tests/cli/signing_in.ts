/**
 * Somebody at the command line, with a home folder, a registry service and an identity provider; the test plays the browser.
 */

import { assert } from "@std/assert";
import { join } from "@std/path";
import { homeVariable } from "../../src/config/paths.ts";
import { CACHE } from "../config/site.ts";
import { IdentityProvider } from "../support/identity_provider.ts";
import { RegistryService } from "../support/registry_service.ts";
import { command, type Ended, folderWith, stardag, type StartOptions } from "./command_line.ts";

/** What is at hand, for one block. */
export interface Desk extends AsyncDisposable {
  readonly service: RegistryService;
  readonly provider: IdentityProvider;
  /** The home folder; commands are run in the folder `work` there. */
  readonly home: string;
  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Ended>;
  /** Runs one and gives its document. */
  json(...args: readonly string[]): Promise<unknown>;
  /** How commands are started. */
  readonly options: StartOptions;
  /** Has all commands from now on see a variable. */
  set(name: string, value: string): void;
  /** Starts to sign in, up to when it waits for the browser. */
  start(...args: readonly string[]): Promise<SigningIn>;
  /** Signs in. */
  signIn(...args: readonly string[]): Promise<Ended>;
  /** The text of a file below `.stardag`. */
  read(...path: readonly string[]): string;
  /** What files there are below `.stardag`, but for locks. */
  files(): readonly string[];
}

/** A command that waits for the browser. */
export interface SigningIn {
  /** The address that it tells. */
  readonly url: string;
  /** Where the browser is to come back to. */
  readonly redirectUri: string;
  readonly child: Deno.ChildProcess;
  /** Signs in there, and comes back with a code: gives where that leads. */
  provide(): Promise<URL>;
  /** How it ended. */
  readonly ended: Promise<Ended>;
}

/** Sets all up. */
export async function desk(files: Readonly<Record<string, string>> = {}): Promise<Desk> {
  await using stack = new AsyncDisposableStack();
  const service = stack.use(await RegistryService.start());
  const provider = stack.use(new IdentityProvider(service));
  const { path: home } = stack.use(
    await folderWith({
      "work/README": "",
      ".stardag/.lock": "",
      ...files,
    }),
  );
  const env: Record<string, string> = {
    [homeVariable()]: home,
    DENO_DIR: CACHE,
    STARDAG_NO_REGISTRY: "",
    STARDAG_TARGET_ROOTS: "",
  };
  const options = { cwd: join(home, "work"), env };
  const start = async (...args: readonly string[]): Promise<SigningIn> => {
    const login = ["auth", "login", "--no-browser", "--port", "0", ...args];
    return await signingIn(command(login, options));
  };
  const all = stack.move();
  return {
    service,
    provider,
    home,
    options,
    run: (...args) => stardag(args, options),
    async json(...args) {
      const { code, stdout, stderr } = await stardag([...args, "--json"], options);
      assert(code === 0, stderr);
      return JSON.parse(stdout);
    },
    set: (name, value) => void (env[name] = value),
    start,
    async signIn(...args) {
      const { provide, ended } = await start("--api-url", service.url, ...args);
      await (await fetch(await provide())).body?.cancel();
      return await ended;
    },
    read: (...path) => Deno.readTextFileSync(join(home, ".stardag", ...path)),
    files: () => [...filesBelow(join(home, ".stardag"))].sort(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Starts the command, and resolves when it waits for the browser. */
export async function signingIn(login: Deno.Command): Promise<SigningIn> {
  const child = login.spawn();
  const told = Promise.withResolvers<string>();
  const stderr = (async () => {
    let text = "";
    for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
      text += part;
      const [, url] = /^ {2}(http\S+)\n/m.exec(text) ?? [];
      if (url !== undefined) told.resolve(url);
    }
    told.reject(new Error(`It did not wait for a browser: ${text}`));
    return text;
  })();
  const ended = (async () => {
    const stdout = await new Response(child.stdout).text();
    return { code: (await child.status).code, stdout, stderr: await stderr };
  })();
  const url = await told.promise;
  return {
    url,
    redirectUri: new URL(url).searchParams.get("redirect_uri") ?? "",
    child,
    ended,
    async provide() {
      const response = await fetch(url, { redirect: "manual" });
      await response.body?.cancel();
      return new URL(response.headers.get("location") ?? "");
    },
  };
}

function* filesBelow(folder: string, prefix = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesBelow(join(folder, name), `${prefix}${name}/`);
    else if (!name.endsWith(".lock")) yield `${prefix}${name}`;
  }
}
