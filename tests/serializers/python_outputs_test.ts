import { assertEquals } from "@std/assert";
import { z } from "zod";
import { getSerializer } from "../../src/serializers/select.ts";
import { LocalTarget } from "../../src/targets/local.ts";
import { newFile } from "./new_file.ts";

const FOLDER = new URL("../fixtures/outputs/", import.meta.url).pathname;

/** The outputs of the Python tasks that wrote the fixtures. */
const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  get_range: z.array(z.int()),
  get_sum: z.int(),
  greet: z.string(),
  stats: z.object({ mean: z.number(), n: z.number(), big: z.number(), tiny: z.number() }),
  rows: z.array(z.object({ i: z.int(), s: z.string(), x: z.number().nullable() })),
  maybe: z.int().nullable(),
};

interface Output {
  readonly name: string;
  readonly id: string;
  readonly relpath: string;
  readonly value: unknown;
}

const outputs: readonly Output[] = JSON.parse(await Deno.readTextFile(`${FOLDER}manifest.json`));

for (const { name, id, relpath, value } of outputs) {
  const serializer = getSerializer(SCHEMAS[name] ?? z.never());

  Deno.test(`what Python wrote for ${name} ${id.slice(0, 8)} is loaded`, async () => {
    assertEquals(relpath.endsWith(`.${serializer.extension}`), true);
    assertEquals(await serializer.load(new LocalTarget(FOLDER + relpath)), value);
  });

  Deno.test(`what is written for ${name} ${id.slice(0, 8)} is the same value as Python's`, async () => {
    const target = newFile("out");
    await serializer.dump(value, target);
    const [ours, theirs] = [await target.text(), await Deno.readTextFile(FOLDER + relpath)];
    if (serializer.extension === "json") assertEquals(JSON.parse(ours), JSON.parse(theirs));
    else assertEquals(ours, theirs);
  });
}
