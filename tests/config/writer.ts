/** A program that adds entries to files of the configuration, one after the other; it says when it has added the first. */

import { rememberIds, rememberTargetRoots } from "../../src/config/caches_change.ts";
import { addRegistry } from "../../src/config/config_change.ts";

if (import.meta.main) {
  const [home = "", name = "", count = "0"] = Deno.args;
  for (let i = 0; i < Number(count); i++) {
    const entry = `${name}-${i}`;
    await addRegistry(home, entry, `http://${entry}.example`);
    await rememberIds(home, "local", { workspaces: { [entry]: entry } });
    await rememberTargetRoots(home, "http://x", "w", entry, { default: `/${entry}` });
    if (i === 0) console.log("begun");
  }
}
