/**
 * A registry of packages on this machine, as jsr.io is one: it has this package as it would be published, in two versions,
 * and the stand-ins for those that it needs.
 */

import { walk } from "@std/fs";
import { join, relative } from "@std/path";
import { ROOT } from "./command_line.ts";

/** The versions there are. */
export const VERSIONS = ["0.1.0", "0.1.1"] as const;

/** Serves the packages; `url` is what `JSR_URL` is to be. */
export async function packageRegistry(): Promise<AsyncDisposable & { readonly url: string }> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const { imports, exports, links }: PackageConfig = await jsonOf(join(ROOT, "deno.json"));
  for (const link of links) {
    const folder = join(ROOT, link);
    const config: PackageConfig = await jsonOf(join(folder, "deno.json"));
    await addPackage(files, { ...config, versions: ["1.0.0"], folder, paths: ["."], imports: {} });
  }
  const paths = ["mod.ts", "deno.json", "src"];
  const name = "@stardag/core";
  await addPackage(files, { name, versions: VERSIONS, exports, folder: ROOT, paths, imports });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { pathname } = new URL(request.url);
      const body = files.get(pathname);
      if (body === undefined) return new Response(null, { status: 404 });
      const type = pathname.endsWith(".json") ? "application/json" : "text/typescript";
      return new Response(body, { headers: { "content-type": type } });
    },
  );
  const { port } = server.addr;
  return { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
}

interface PackageConfig {
  readonly name: string;
  readonly exports: string | Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly links: readonly string[];
}

interface Package extends Omit<PackageConfig, "links"> {
  readonly versions: readonly string[];
  readonly folder: string;
  readonly paths: readonly string[];
}

async function addPackage(
  files: Map<string, Uint8Array<ArrayBuffer>>,
  { name, versions, exports, folder, paths, imports }: Package,
): Promise<void> {
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const path of paths) {
    for (const file of await filesOf(join(folder, path))) {
      const text = withFullNames(await Deno.readTextFile(file), imports);
      contents.set(`/${relative(folder, file)}`, new TextEncoder().encode(text));
    }
  }
  const manifest = Object.fromEntries(
    await Promise.all(
      Array.from(contents, async ([path, content]) => {
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
        return [path, { size: content.length, checksum: `sha256-${digest.toHex()}` }];
      }),
    ),
  );
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const entries = typeof exports === "string" ? { ".": exports } : exports;
  for (const version of versions) {
    for (const [path, content] of contents) files.set(`/${name}/${version}${path}`, content);
    files.set(`/${name}/${version}_meta.json`, json({ manifest, exports: entries }));
  }
  files.set(
    `/${name}/meta.json`,
    json({ versions: Object.fromEntries(versions.map((each) => [each, {}])) }),
  );
}

async function filesOf(path: string): Promise<readonly string[]> {
  if ((await Deno.stat(path)).isFile) return [path];
  return await Array.fromAsync(walk(path, { includeDirs: false }), (entry) => entry.path);
}

/** As `deno publish` does: names of the import map are replaced by what they stand for. */
function withFullNames(code: string, imports: PackageConfig["imports"]): string {
  return code.replace(/(\bfrom\s*|\bimport\s*\(?\s*)"([^".][^"]*)"/g, (all, before, specifier) => {
    const name = Object.keys(imports).find((each) =>
      specifier === each || specifier.startsWith(`${each}/`)
    );
    return name === undefined ? all : `${before}"${imports[name]}${specifier.slice(name.length)}"`;
  });
}

async function jsonOf<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(path));
}
