/**
 * A root and a log for runs of `pipeline.ts`, and what can be told about them from outside.
 */

import { assert, assertEquals } from "@std/assert";
import { isTemporary } from "../../src/targets/temporary.ts";
import { Child } from "../targets/child.ts";
import { isWhole } from "./content.ts";
import type { Listed } from "./pipeline.ts";

const PIPELINE = import.meta.resolve("./pipeline.ts");
/** A run of the pipeline. */
export class Run extends Child {
  /** Starts it. */
  constructor(site: Site, options: readonly string[]) {
    super(PIPELINE, [site.root, site.log, ...options]);
  }

  /** Reads on until something has moved so many times; `false` when it has ended before. */
  async moved(times: number): Promise<boolean> {
    for (let i = 0; i < times; i++) if (await this.line() !== "moved") return false;
    return true;
  }

  /** Its exit code when it ends in time, in milliseconds; else it is killed, and `undefined`. */
  async endsWithin(time: number): Promise<number | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.signal("SIGKILL");
    }, time);
    const { code } = await this.ended();
    clearTimeout(timer);
    return isLate ? undefined : code;
  }
}

/** Where outputs are kept, and where it is noted which tasks began. */
export class Site implements AsyncDisposable {
  readonly root: string;
  readonly log: string;
  readonly #folder: string;
  readonly #listed: readonly Listed[];

  private constructor(folder: string, listed: readonly Listed[]) {
    this.#folder = folder;
    this.root = `${folder}/root`;
    this.log = `${folder}/log`;
    this.#listed = listed.map(({ id, path }) => ({ id, path: this.root + path }));
  }

  /** An empty one. */
  static async make(listed: readonly Listed[]): Promise<Site> {
    const folder = await Deno.makeTempDir({ prefix: "stardag-crash-" });
    await Deno.mkdir(`${folder}/root`);
    await Deno.writeTextFile(`${folder}/log`, "");
    return new Site(folder, listed);
  }

  /** What the pipeline builds, with paths relative to a root. */
  static async list(): Promise<readonly Listed[]> {
    await using site = await Site.make([]);
    await using run = new Run(site, ["list"]);
    const listed: readonly Listed[] = JSON.parse(await run.line() ?? "");
    return listed.map(({ id, path }) => ({ id, path: path.slice(site.root.length) }));
  }

  /** Starts the pipeline. */
  run(...options: string[]): Run {
    return new Run(this, options);
  }

  /** Ids of the tasks whose outputs are there. Throws when something is visible that is not whole. */
  present(): ReadonlySet<string> {
    const files = new Set(this.#files(this.root).filter(({ isKept }) => isKept).map(pathOf));
    for (const path of files) {
      if (path.endsWith("._DONE")) {
        const list = path.replace(/_DONE$/, "_SUB_KEYS");
        assert(files.has(list), `${path} is there without a list`);
        assertEquals(Deno.readTextFileSync(list), "a.txt\nb/c.txt\nb/d.txt", list);
        for (const key of ["a.txt", "b/c.txt", "b/d.txt"]) {
          const file = `${path.replace(/\._DONE$/, "")}/${key}`;
          assert(files.has(file), `${file} is not there`);
        }
      } else if (!path.endsWith("._SUB_KEYS") && !path.startsWith(`${this.root}/.stardag/`)) {
        assert(isWhole(Deno.readTextFileSync(path)), `${path} is there, and not whole`);
      }
    }
    return new Set(this.#listed.filter(({ path }) => files.has(path)).map(({ id }) => id));
  }

  /** Files that are or belong to temporary ones. */
  temporaries(): string[] {
    return this.#files(this.root).filter(({ isKept }) => !isKept).map(pathOf);
  }

  /** Ids of the tasks that began since the log was this long. */
  begun(since = 0): string[] {
    return Deno.readTextFileSync(this.log).slice(since).split("\n").filter((id) => id !== "");
  }

  /** How long the log is. */
  get logged(): number {
    return Deno.statSync(this.log).size;
  }

  /** Removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  #files(folder: string, isKept = true): Found[] {
    return [...Deno.readDirSync(folder)].flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      const isKeptToo = isKept && !isTemporary(entry.name);
      return [
        ...entry.isDirectory && isKeptToo ? [] : [{ path, isKept: isKeptToo }],
        ...entry.isDirectory ? this.#files(path, isKeptToo) : [],
      ];
    });
  }
}

/** Runs a test whose failure names what it depended on: with `STARDAG_TEST_SEED=<seed>` it is run alike. */
export async function seeded(run: (seed: number) => Promise<void>): Promise<void> {
  const seed = Number(Deno.env.get("STARDAG_TEST_SEED") ?? Math.floor(Math.random() * 2 ** 31));
  try {
    await run(seed);
  } catch (cause) {
    throw new Error(`It failed with STARDAG_TEST_SEED=${seed}: ${cause}`, { cause });
  }
}

/** How many lines the pipeline prints when nobody stops it. */
export async function movesOfWhole(listed: readonly Listed[]): Promise<number> {
  await using site = await Site.make(listed);
  await using run = site.run();
  let moves = 0;
  for (let line = await run.line(); line === "moved"; line = await run.line()) moves++;
  assertEquals((await run.ended()).code, 0);
  return moves;
}

interface Found {
  readonly path: string;
  /** Not temporary, nor in a temporary folder. */
  readonly isKept: boolean;
}

function pathOf({ path }: Found): string {
  return path;
}
