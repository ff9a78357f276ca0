/**
 * Tasks that try what they may or may not do.
 */

import { fromFileUrl } from "@std/path";
import { z } from "zod";
import * as sd from "../../mod.ts";

const { task, AutoTask } = sd.namespace("stardag.tests.sandbox", import.meta.url);

/** A file that is there. */
export const HERE: string = fromFileUrl(import.meta.url);

/** What takes each kind of permission; what else goes wrong with it does not matter. */
const TRIES = {
  read: () => Deno.readTextFile(HERE),
  write: () => Deno.writeTextFile("/nowhere/to/be/found.txt", "text"),
  net: () => Deno.connect({ hostname: "127.0.0.1", port: 1 }),
  env: () => Deno.env.get("HOME"),
  run: () => new Deno.Command("true").output(),
  sys: () => Deno.hostname(),
  ffi: () => Deno.dlopen("/nowhere/to/be/found.so", {}),
  import: () => import(`http://127.0.0.1:${1}/nothing.ts`),
};

export type PermissionKind = keyof typeof TRIES;
export const PERMISSION_KINDS = Object.keys(TRIES) as PermissionKind[];

const params = { kind: z.enum(PERMISSION_KINDS as [PermissionKind]) };

async function attempt(kind: PermissionKind): Promise<string> {
  try {
    await TRIES[kind]();
  } catch (error) {
    // What import() throws says it only in words.
    if (error instanceof Deno.errors.NotCapable || /^Requires/.test((error as Error).message)) {
      throw error;
    }
  }
  return "done";
}

/** May do nothing. */
export const tries = task({
  name: "tries",
  params,
  permissions: {},
  output: z.string(),
  run: ({ kind }) => attempt(kind),
});

/** May do just that. */
export const may = task({
  name: "may",
  params,
  permissions: {
    read: [HERE],
    write: ["/nowhere"],
    net: ["127.0.0.1:1"],
    env: ["HOME"],
    run: ["true"],
    sys: ["hostname"],
    ffi: ["/nowhere"],
    import: ["127.0.0.1:1"],
  },
  output: z.string(),
  run: ({ kind }) => attempt(kind),
});

/** May do all. */
export const mayAll = task({
  name: "may_all",
  params,
  permissions: {
    read: true,
    write: true,
    net: true,
    env: true,
    run: true,
    sys: true,
    ffi: true,
    import: true,
  },
  output: z.string(),
  run: ({ kind }) => attempt(kind),
});

/** May do all but one. */
export const noNet = task({
  name: "no_net",
  permissions: { read: true, net: false },
  output: z.string(),
  run: () => attempt("net"),
});

/** Says nothing of what it may do. */
export const asks = task({
  name: "asks",
  params,
  output: z.string(),
  run: ({ kind }) => attempt(kind),
});

/** Which process it was in. */
export const pid = task({
  name: "pid",
  params: { n: z.int() },
  permissions: {},
  output: z.int(),
  run: () => Deno.pid,
});

/** Uses files of other tasks: its inputs. */
export const total = task({
  name: "total",
  params: { of: z.array(sd.depends(z.int())) },
  permissions: {},
  output: z.int(),
  run: ({ of }) => of.reduce((a, b) => a + b, 0),
});

/** Says what its worker would say, as it likes. */
export const forges = task({
  name: "forges",
  params: { message: z.string() },
  permissions: {},
  output: z.string(),
  async run({ message }) {
    const [, mark] = /serveProcess\("([^"]+)"/.exec(decodeURIComponent(Deno.mainModule))!;
    Deno.stdout.writeSync(new TextEncoder().encode(`${mark}${message}\n`));
    return await new Promise<string>((resolve) => setTimeout(resolve, 60_000, ""));
  },
});

/** Yields, which shows when it runs. */
@sd.register
export class Yielding extends AutoTask({ name: "Yielding", permissions: {}, output: z.int() }) {
  override async *run(): AsyncGenerator<sd.Yieldable, void, unknown> {
    yield pid({ n: 1 });
    await this.save(1);
  }
}

/** Whose storage its process has. */
export const origin = task({
  name: "origin",
  params: { n: z.int() },
  permissions: {},
  output: z.string(),
  run: () => globalThis.location.origin,
});

/** Puts its fingers where they do not belong. */
export const meddles = task({
  name: "meddles",
  params: { how: z.enum(["read", "write"]), path: z.string() },
  permissions: {},
  output: z.string(),
  async run({ how, path }) {
    if (how === "read") return await Deno.readTextFile(path);
    await Deno.writeTextFile(path, "mine");
    return path;
  },
});
