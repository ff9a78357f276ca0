import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { remoteOutputs } from "../support/output_root.ts";

const { task } = sd.namespace("stardag.tests.loading", import.meta.url);

const number = task({
  name: "number",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n,
});
const sum = task({
  name: "sum",
  params: { of: z.array(sd.depends(z.int())) },
  output: z.int(),
  run: ({ of }) => of.reduce((a, b) => a + b, 0),
});

Deno.test("a task of which an input cannot be loaded fails when no other is being loaded any more", async () => {
  const files = new MemoryRemoteFileSystem();
  await using _ = await remoteOutputs(files);
  const inputs = Array.from({ length: 100 }, (_, n) => number({ n }));
  (await sd.build(inputs)).throwIfFailed();
  await files.write(inputs[20]!.output().uri, "no number");
  let [begun, underWay] = [0, 0];
  const { readable } = MemoryRemoteFileSystem.prototype;
  files.readable = (...asked) => {
    begun++;
    underWay++;
    return readable.apply(files, asked).pipeThrough(
      new TransformStream({
        async flush() {
          for (let turns = begun % 5; turns > 0; turns--) await Deno.stat(".");
          underWay--;
        },
      }),
    );
  };
  const total = sum({ of: inputs });
  const { status } = await sd.build(total, { outputIndex: false });
  assertEquals([status, underWay], ["failure", 0]);
  assert(begun < 60, `${begun} inputs`);
});
