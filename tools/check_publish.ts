/**
 * Tries out publishing, slow types included, on a copy of what is to be published: what `publish.include` in `deno.json`
 * names, less the stand-ins in `tools/std`. Those are named there only because Deno lets no package reach files that it
 * leaves out, so that a plain `deno publish --dry-run` works where they are linked. To publish for real, run `deno unlink`
 * on the stand-ins and take them out of `publish.include` first.
 *
 * @module
 */

import { ensureDir, walk } from "@std/fs";
import { dirname, fromFileUrl, join, relative } from "@std/path";
import { z } from "zod";

const STAND_INS = "tools/std";

const Config = z.looseObject({
  links: z.array(z.string()).optional(),
  publish: z.object({ include: z.array(z.string()) }),
});

/** Copies what is to be published of the package in `root` to the folder `to`. */
async function copyPackage(root: string, to: string): Promise<void> {
  const config = Config.parse(JSON.parse(await Deno.readTextFile(join(root, "deno.json"))));
  for (const name of config.publish.include) {
    if (name === STAND_INS) continue;
    for (const file of await filesOf(join(root, name))) {
      const copy = join(to, relative(root, file));
      await ensureDir(dirname(copy));
      await Deno.copyFile(file, copy);
    }
  }
  const links = config.links?.map((link) => join(root, link));
  await Deno.writeTextFile(join(to, "deno.json"), JSON.stringify({ ...config, links }, null, 2));
}

async function filesOf(path: string): Promise<readonly string[]> {
  const { isFile } = await Deno.stat(path);
  if (isFile) return [path];
  return await Array.fromAsync(walk(path, { includeDirs: false }), (entry) => entry.path);
}

if (import.meta.main) {
  const copy = await Deno.makeTempDir();
  try {
    await copyPackage(fromFileUrl(new URL("../", import.meta.url)), copy);
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["publish", "--dry-run"],
      cwd: copy,
    }).spawn().status;
    if (code !== 0) Deno.exitCode = code;
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}
