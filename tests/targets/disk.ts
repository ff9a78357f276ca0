/**
 * Small disks in memory, for tests of what goes wrong with disks.
 */

/** A disk of its own, mounted at a folder of its own. */
export class Disk implements AsyncDisposable {
  /** The folder. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one; `options` are those of tmpfs, e.g. `size=1m`. */
  static async mounted(options: string): Promise<Disk> {
    const disk = new Disk(await Deno.makeTempDir({ prefix: "stardag-disk-" }));
    try {
      await disk.mount(options);
    } catch (error) {
      await Deno.remove(disk.path);
      throw error;
    }
    return disk;
  }

  /** Mounts an empty one at the folder. */
  async mount(options: string): Promise<void> {
    await run("mount", "-t", "tmpfs", "-o", options, "stardag-test", this.path);
  }

  /** Changes the options of the one that is mounted. */
  async remount(options: string): Promise<void> {
    await run("mount", "-o", `remount,${options}`, this.path);
  }

  /** Takes it away, though files may be open. */
  async unmount(): Promise<void> {
    await run("umount", "-l", this.path);
  }

  /** Takes away all that is mounted at the folder, and removes that. */
  async [Symbol.asyncDispose](): Promise<void> {
    while ((await Deno.readTextFile("/proc/mounts")).includes(` ${this.path} `)) {
      await this.unmount();
    }
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Why no disk can be mounted here; `undefined` when it can. */
export async function whyNotMounting(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return `there is no tmpfs on ${Deno.build.os}`;
  try {
    await using _ = await Disk.mounted("size=64k");
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}

class CommandError extends Error {}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (success) return;
  const reason = new TextDecoder().decode(stderr).trim();
  throw new CommandError(`${command} ${args.join(" ")}: ${reason}`);
}
