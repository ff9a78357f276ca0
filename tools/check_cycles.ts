/**
 * Checks the imports of the package, types included: they form no cycle, and each folder of `src/` reaches only for
 * what stands below it. Unaware of what is imported, and of packages from outside.
 *
 * @module
 */

import { walk } from "@std/fs";
import { dirname, fromFileUrl, join, relative, resolve } from "@std/path";

/**
 * The folders of `src/`, each with those it may import, from the ground up. Files of one folder may import each other;
 * folders on one level may not.
 */
const LEVELS: readonly (readonly string[])[] = [
  ["src"],
  ["src/config"],
  ["src/targets"],
  ["src/serializers"],
  ["src/tasks"],
  ["src/registries", "src/executors"],
  ["src/builders"],
  ["src/reporters", "src/inspect"],
  ["src/integrations", "src/cli"],
  ["mod.ts"],
  ["src/testing"],
];

const IMPORT = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g;
const COMMENT_LINE = /^\s*(?:\/\/|\/\*|\*).*$/gm;

/** What {@linkcode checkCycles} found. */
export interface CycleCheck {
  /** How many imports of one file by another there are. */
  readonly edges: number;
  /** The cycles, each a path that ends where it began. */
  readonly cycles: readonly (readonly string[])[];
  /** What else is wrong: an import that reaches up, leads nowhere, or is in a folder without a level. */
  readonly violations: readonly string[];
}

/** Reads `mod.ts` and everything under `src/` in the folder `root`. */
export async function checkCycles(root: string): Promise<CycleCheck> {
  const imports = await readImports(root);
  const violations: string[] = [];
  let edges = 0;
  for (const [file, imported] of imports) {
    if (levelOf(file) === -1) violations.push(`"${file}" is in a folder without a level`);
    for (const other of imported) {
      edges++;
      if (!imports.has(other)) violations.push(`"${file}" imports "${other}", which is not there`);
      else if (!mayImport(file, other)) violations.push(`"${file}" must not import "${other}"`);
    }
  }
  return { edges, cycles: findCycles(imports), violations };
}

type Imports = ReadonlyMap<string, readonly string[]>;

async function readImports(root: string): Promise<Imports> {
  const paths = [join(root, "mod.ts")];
  for await (const entry of walk(join(root, "src"), { exts: ["ts"], includeDirs: false })) {
    paths.push(entry.path);
  }
  const imports = new Map<string, readonly string[]>();
  for (const path of paths.sort()) {
    const code = (await Deno.readTextFile(path)).replace(COMMENT_LINE, "");
    const imported = code.matchAll(IMPORT).map(([, specifier = ""]) =>
      nameOf(root, resolve(dirname(path), specifier))
    );
    imports.set(nameOf(root, path), [...new Set(imported)]);
  }
  return imports;
}

/** The path of a file inside the package, with `/` on every system. */
function nameOf(root: string, path: string): string {
  return relative(root, path).replaceAll("\\", "/");
}

function folderOf(file: string): string {
  const parts = file.split("/");
  return parts.length <= 2 ? parts[0] ?? "" : parts.slice(0, 2).join("/");
}

function levelOf(file: string): number {
  return LEVELS.findIndex((folders) => folders.includes(folderOf(file)));
}

function mayImport(file: string, other: string): boolean {
  return folderOf(file) === folderOf(other) || levelOf(other) < levelOf(file);
}

function findCycles(imports: Imports): readonly (readonly string[])[] {
  const cycles: (readonly string[])[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      cycles.push([...path.slice(at), file]);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const other of imports.get(file) ?? []) visit(other);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
  return cycles;
}

if (import.meta.main) {
  const root = Deno.args[0] ?? fromFileUrl(new URL("../", import.meta.url));
  const { edges, cycles, violations } = await checkCycles(resolve(root));
  for (const cycle of cycles) console.error(`cycle: ${cycle.join(" -> ")}`);
  for (const violation of violations) console.error(`violation: ${violation}`);
  console.log(`${edges} import edges, ${cycles.length} cycles, ${violations.length} violations`);
  if (cycles.length > 0 || violations.length > 0) Deno.exit(1);
}
