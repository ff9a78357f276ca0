/**
 * With which flags the process of a task is started: no more permissions than it is to have. Unaware of processes.
 *
 * @module
 */

import { dirname, fromFileUrl, join } from "@std/path";
import { ConfigError } from "../errors.ts";
import { slotPath } from "../targets/temporary.ts";
import { PERMISSION_KINDS, type TaskPermissions } from "../tasks/run_policy.ts";
import { isLocalUri } from "../tasks/output_uri.ts";
import { type S3Access, s3Access } from "./s3_access.ts";
import { WORKER_MAIN } from "./worker_entry.ts";

/** What the process of a task with permissions needs besides them. */
export interface Needs {
  /** URLs of the modules that it imports. */
  readonly modules: readonly string[];
  /** Uris of the outputs that it loads. */
  readonly inputs: readonly string[];
  /** Uri of the output that it saves. */
  readonly output: string | undefined;
}

/** So many writers of one output can be told apart by the names of what they write. */
const SLOTS = 16;

/** From there come the packages that modules import; what is not there yet is not fetched. */
const PACKAGE_HOST = "jsr.io:443";

/** From where Deno lets code be imported unless told. */
const DEFAULT_HOSTS = [
  PACKAGE_HOST,
  "deno.land:443",
  "esm.sh:443",
  "raw.esm.sh:443",
  "cdn.jsdelivr.net:443",
  "raw.githubusercontent.com:443",
  "gist.githubusercontent.com:443",
];

/** Stands for none. */
const NO_HOST = "none.invalid:443";

/** So long a flag may be, in characters: systems take no argument that is much longer. */
const LONGEST_FLAG = 2 ** 15;

/** Flags for the permissions of a task, and what it needs besides. */
export function sandboxFlags(permissions: TaskPermissions, needs: Needs): readonly string[] {
  const lists: Record<keyof TaskPermissions, readonly string[]> = {
    read: [...needs.inputs.flatMap(filesOfInput), ...filesOfOutput(needs.output)],
    write: filesOfOutput(needs.output),
    import: [PACKAGE_HOST, ...hostsOf([WORKER_MAIN, ...needs.modules])],
    net: [],
    env: [],
    run: [],
    sys: [],
    ffi: [],
  };
  const flags = PERMISSION_KINDS.flatMap((kind) => {
    const given = permissions[kind] ?? false;
    if (given === true) return [`--allow-${kind}`];
    const list = [...(given === false ? [] : given.map(withoutScheme)), ...lists[kind]];
    const odd = list.find((each) => each.includes(","));
    if (odd !== undefined) {
      throw new ConfigError(
        `Its process cannot be given access to "${odd}": Deno takes no comma there. Use another path`,
      );
    }
    return chunks([...new Set(list)]).map((chunk) => `--allow-${kind}=${chunk.join(",")}`);
  });
  const { import: hosts = false } = permissions;
  const mayFetch = hosts === true || (hosts !== false && hosts.length > 0);
  return mayFetch ? flags : [...flags, "--cached-only"];
}

/**
 * The flags, with those that keep the process of a task with permissions apart from the program: from its `localStorage`
 * and caches by an origin of its own, from its lock file by having it read only.
 */
export function apartFlags(flags: readonly string[]): readonly string[] {
  const others = flags.filter((flag) => !/^--(?:location|frozen)\b/.test(flag));
  const origin = `--location=https://${crypto.randomUUID()}.invalid`;
  return [...others, origin, ...lockFlags(others)];
}

function lockFlags(flags: readonly string[]): readonly string[] {
  if (flags.includes("--no-lock")) return [];
  if (flags.some((flag) => flag.startsWith("--lock="))) return ["--frozen"];
  const config = flags.find((flag) => flag.startsWith("--config="))?.slice("--config=".length);
  // The lock file of the program does not know the code of workers where that has a URL.
  const isLocal = WORKER_MAIN.startsWith("file:") || WORKER_MAIN.startsWith("https://jsr.io/");
  const path = config === undefined ? undefined : join(dirname(config), "deno.lock");
  const isLocked = isLocal && path !== undefined && isGranted({ name: "read", path }) &&
    isFile(path);
  return [isLocked ? "--frozen" : "--no-lock"];
}

/**
 * Flags for a task without permissions of its own: what this program may do without exception, and its target roots, be
 * they in S3, as far as it may use them. So the process can never do what the program cannot.
 */
export function inheritedFlags(
  roots: readonly string[],
  modules: readonly string[],
): readonly string[] {
  const s3 = s3Access(roots);
  const folders = [...roots.filter(isLocalUri), ...s3.folders];
  return PERMISSION_KINDS.flatMap((kind) => {
    // Deno's types do not know all kinds.
    if (isGranted({ name: kind } as Deno.PermissionDescriptor)) return [`--allow-${kind}`];
    if (kind === "import") {
      const hosts = [
        ...DEFAULT_HOSTS.filter((host) => isGranted({ name: kind, host } as never)),
        ...hostsOf([WORKER_MAIN, ...modules]),
      ];
      // With --deny-import in its place, Deno would still let code come from its default hosts.
      return [`--allow-import=${hosts.length === 0 ? NO_HOST : hosts.join(",")}`];
    }
    const granted = grantedOf(kind, kind === "read" ? [...folders, ...s3.files] : folders, s3)
      .filter((each) => !each.includes(","));
    return granted.length === 0 ? [] : [`--allow-${kind}=${granted.join(",")}`];
  });
}

/** What of the paths, or of what it takes to get to S3, this program may use. */
function grantedOf(kind: string, paths: readonly string[], s3: S3Access): readonly string[] {
  switch (kind) {
    case "read":
    case "write":
      return paths.filter((path) => isGranted({ name: kind, path }));
    case "env":
      return s3.variables.filter((variable) => isGranted({ name: kind, variable }));
    case "net":
      return s3.hosts.filter((host) => isGranted({ name: kind, host }));
    default:
      return [];
  }
}

/** Of the program's `deno.json`, without which its modules may not find what they import. */
export function configFlags(main: string | undefined): readonly string[] {
  if (main === undefined || !main.startsWith("file:")) return [];
  for (let folder = dirname(fromFileUrl(main));; folder = dirname(folder)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const path = join(folder, name);
      if (isGranted({ name: "read", path }) && isFile(path)) return [`--config=${path}`];
    }
    if (folder === dirname(folder)) return [];
  }
}

/** The list in parts that are no longer than a flag may be, where that can be. */
function chunks(list: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let length = Infinity;
  for (const each of list) {
    length += each.length + 1;
    if (length > LONGEST_FLAG) {
      parts.push([]);
      length = each.length + 1;
    }
    parts.at(-1)!.push(each);
  }
  return parts;
}

function filesOfInput(uri: string): readonly string[] {
  // A folder is marked as done by the two beside it.
  return isLocalUri(uri) ? [uri, `${uri}._DONE`, `${uri}._SUB_KEYS`] : [];
}

function filesOfOutput(uri: string | undefined): readonly string[] {
  if (!isLocalUri(uri)) return [];
  return filesOfInput(uri).flatMap((file) => [
    file,
    ...Array.from({ length: SLOTS }, (_, index) => slotPath(file, index)),
  ]);
}

function withoutScheme(path: string): string {
  return path.startsWith("file:") ? fromFileUrl(path) : path;
}

function hostsOf(urls: readonly string[]): readonly string[] {
  const remote = urls.map((url) => new URL(url)).filter(({ protocol }) =>
    /^https?:$/.test(protocol)
  );
  return remote.map(({ hostname, port, protocol }) =>
    `${hostname}:${port || (protocol === "http:" ? 80 : 443)}`
  );
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  const { state, partial } = Deno.permissions.querySync(descriptor);
  return state === "granted" && partial !== true;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
