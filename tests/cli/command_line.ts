/**
 * The command line as people use it: a process of its own, in a folder with files.
 */

import { dirname, fromFileUrl, join } from "@std/path";
import { ensureDir } from "@std/fs";

/** The package. */
export const ROOT = fromFileUrl(new URL("../../", import.meta.url));
/** The module of the command line. */
export const MAIN = join(ROOT, "src", "cli", "main.ts");

/** How a process ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a process is started. */
export interface StartOptions {
  readonly cwd: string;
  /** Flags of `deno run`; all permissions unless told. */
  readonly flags?: readonly string[];
  /** The module that is run; the command line unless told. */
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command to its end. Outputs are kept in the folder `out` there. */
export async function stardag(args: readonly string[], options: StartOptions): Promise<Ended> {
  const { code, stdout, stderr } = await command(args, options).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A command, not yet started. */
export function command(args: readonly string[], options: StartOptions): Deno.Command {
  const { cwd, flags = ["-A"], main = MAIN, env = {} } = options;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...flags, main, ...args],
    cwd,
    env: {
      NO_COLOR: "1",
      STARDAG_NO_REGISTRY: "1",
      STARDAG_TARGET_ROOTS: JSON.stringify({ default: join(cwd, "out") }),
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** A folder with these files, there until it is disposed of. */
export async function folderWith(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  for (const [name, text] of Object.entries(files)) {
    await ensureDir(dirname(join(path, name)));
    await Deno.writeTextFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A `deno.json` by which a project knows the package in the folder `at` as people do: by its name. */
export async function projectConfig(
  at: string = ROOT,
  imports: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { links } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  return JSON.stringify({
    imports: { "@stardag/core": "jsr:@stardag/core@*", "zod": "npm:zod@^4", ...imports },
    links: [at, ...links.map((each: string) => join(ROOT, each))],
  });
}

/** A module with a task, a task function, a class, and a function that gives tasks. */
export const PIPELINE = `
import * as sd from "@stardag/core";
import { z } from "zod";

/** Several of these are required by \`root\`. */
export const numbers = sd.task({
  name: "numbers",
  params: {
    limit: z.int().describe("How many numbers"),
    step: z.number().default(1),
    order: z.enum(["up", "down"]).default("up"),
    label: sd.field(z.string().optional(), { significant: false }),
  },
  output: z.array(z.number()),
  run: ({ limit, step }) => Array.from({ length: limit }, (_, i) => i * step),
});

export const sum = sd.task({
  name: "sum",
  params: { of: sd.depends(z.array(z.number())), scale: z.number().default(1) },
  output: z.number(),
  run: ({ of, scale }) => of.reduce((a, b) => a + b, 0) * scale,
});

@sd.register
export class Report extends sd.AutoTask({
  name: "Report",
  params: { total: sd.depends(z.number()), title: z.string() },
  output: z.string(),
}) {
  override async run() {
    await this.save(\`\${this.title}: \${await this.total.load()}\`);
  }
}

export const root = sum({ of: numbers({ limit: 4 }) });

export function experiment({ scale = 1 } = {}) {
  return { root, other: sum({ of: numbers({ limit: 5 }), scale }) };
}

export const nothing = 3;

if (import.meta.main) throw new Error("run as a program");
`;
