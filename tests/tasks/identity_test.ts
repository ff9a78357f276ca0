import { assertEquals } from "@std/assert";
import * as sd from "../../mod.ts";
import { VECTORS, vectorTasks } from "../support/vectors.ts";

Deno.test("the ids of the original's tasks are the same here, byte for byte", async (t) => {
  const tasks = vectorTasks();
  assertEquals(tasks.size, 64);
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://vectors" } }),
  );
  for (const vector of VECTORS) {
    await t.step(vector.case, () => {
      const task = tasks.get(vector.case)!;
      assertEquals(sd.canonicalTask(task), vector.canonical);
      assertEquals(task.id, vector.id);
      assertEquals(task.output().uri, `memory://vectors/${vector.relpath}`);
    });
  }
});

Deno.test("a task as JSON is what the original dumps, and gives the same task again", async (t) => {
  const tasks = vectorTasks();
  for (const vector of VECTORS) {
    await t.step(vector.case, () => {
      const task = tasks.get(vector.case)!;
      const text = JSON.stringify(task);
      // Sets are dumped here in order, there in any.
      if (!vector.case.startsWith("set_")) assertEquals(JSON.parse(text), vector.dump);
      assertEquals(sd.stringifyTask(task), text);
      assertEquals(sd.taskFromJSON(text).id, vector.id);
      assertEquals(sd.checkSerializationStability(task), []);
    });
  }
});
