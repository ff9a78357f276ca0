import { assertEquals } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

Deno.test("a reference is name, version and the beginning of the id", () => {
  const declare = (version: string): sd.BaseTask =>
    sd.task({
      name: `ref${version}`,
      namespace: "stardag.tests.ref",
      version,
      output: z.int(),
      run: () => 1,
    })();
  const [plain, versioned] = [declare(""), declare("2")];
  // As in Python, where what is between the dashes is empty without a version.
  assertEquals(sd.TaskRef.fromTask(plain).slug, `ref--${plain.id.slice(0, 8)}`);
  assertEquals(`${sd.TaskRef.fromTask(versioned)}`, `ref2-v2-${versioned.id.slice(0, 8)}`);
  const { name, version, id } = sd.TaskRef.fromTask(versioned);
  assertEquals({ name, version, id }, { name: "ref2", version: "2", id: versioned.id });
  assertEquals(new sd.TaskRef({ name, version, id }).slug, sd.TaskRef.fromTask(versioned).slug);
});
