/**
 * A program that writes to one place, for tests that kill it: `writer.ts <what> <path> [<name> <count>]`. It says on its
 * output what it has reached, one word a line.
 */

import { DirectoryTarget } from "../../src/targets/directory.ts";
import { LocalTarget } from "../../src/targets/local.ts";

/** Waits for the other side to say something; at its end, which is when the other side has died, this one ends, too. */
async function told(): Promise<void> {
  if (await Deno.stdin.read(new Uint8Array(100)) === null) Deno.exit(99);
}

function streamed(text: string, meanwhile: () => Promise<void>): ReadableStream<Uint8Array> {
  const [half, end] = [text.slice(0, text.length / 2), text.slice(text.length / 2)];
  return ReadableStream.from((async function* (): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode(half);
    await meanwhile();
    yield new TextEncoder().encode(end);
  })());
}

async function reached(): Promise<void> {
  console.log("half");
  await told();
}

async function main(what: string, path: string, name: string, count: number): Promise<void> {
  const target = new LocalTarget(path, { flush: false });
  switch (what) {
    case "write":
      await target.write(streamed("from the child", reached));
      break;
    case "proxyPath":
      await target.proxyPath("w", async (file) => {
        await Deno.writeTextFile(file, "from the child");
        await reached();
      });
      break;
    case "directory":
      await new DirectoryTarget(path, (uri) => new LocalTarget(uri)).proxyPath("w", async (to) => {
        await Deno.writeTextFile(`${to}/a`, "from the child");
        await reached();
      });
      break;
    case "tool": { // one that goes on when this process dies
      await target.proxyPath("w", async (file) => {
        await Deno.writeTextFile(file, "from the child");
        const tool = new Deno.Command("sleep", { args: ["60"] }).spawn();
        console.log(tool.pid);
        await reached();
      });
      break;
    }
    case "exit":
      await target.write(streamed("half", () => Deno.exit(3)));
      break;
    case "exit proxyPath":
      await target.proxyPath("w", (file) => {
        Deno.writeTextFileSync(file, "half");
        Deno.exit(3);
      });
      break;
    case "hammer":
      await told();
      for (let i = 0; i < count; i++) {
        const content = `${name} ${i};`.repeat(2_000);
        const kind = i % 4;
        if (kind === 0) await target.write(content);
        else if (kind === 1) await target.write(streamed(content, () => Promise.resolve()));
        else if (kind === 2) await target.proxyPath("w", (to) => Deno.writeTextFile(to, content));
        else {
          const failing = target.proxyPath("w", async (to) => {
            await Deno.writeTextFile(to, "half");
            throw new Error("on purpose");
          });
          await failing.catch(() => {});
        }
      }
      break;
  }
  console.log("done");
}

if (import.meta.main) {
  const [what = "", path = "", name = "", count = "0"] = Deno.args;
  await main(what, path, name, Number(count));
}
