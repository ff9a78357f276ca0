/**
 * What `status` does without a task: where outputs are kept and how many there are, what they are told to, and who made
 * them.
 *
 * @module
 */

import { count } from "../builders/summary.ts";
import { configProvider } from "../config/config.ts";
import { ageText, sizeText } from "../inspect/amounts.ts";
import { readRecords, targetRoots } from "../inspect/output_records.ts";
import { listOutputs } from "../inspect/inspect.ts";
import { tableText } from "../inspect/table_text.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import type { CliIo } from "./cli_io.ts";

/** How many builds are told of. */
const MOST_BUILDS = 5;

/** A target root and what is below it. */
interface RootStatus {
  readonly key: string;
  readonly uri: string;
  readonly outputs: number;
  readonly size: number;
}

/** A build, by what the index has of it. */
interface PastBuild {
  readonly id: string;
  readonly endedAt: Date;
  readonly outputs: number;
}

/** Shows what there is. */
export async function showRoots(
  { json = false }: { readonly json?: boolean | undefined },
  io: CliIo,
): Promise<void> {
  const factory = targetFactoryProvider.get();
  const roots: RootStatus[] = [];
  for (const key of factory.targetRootKeys) {
    const { outputs, size } = await listOutputs({ roots: [key] });
    roots.push({ key, uri: factory.getTargetRoot(key), outputs: outputs.length, size });
  }
  const { api } = configProvider.get();
  const registry = api.isUsed ? api.url : undefined;
  const builds = await lastBuilds();
  if (json) return io.json({ roots, registry: registry ?? null, builds });
  const now = Date.now();
  io.print("Target roots");
  const rows = roots.map(({ key, uri, outputs, size }) => [key, outputs, sizeText(size), uri]);
  for (const line of tableText(["key", "outputs", "size", "root"], rows)) io.print(line);
  io.print(`\nRegistry: ${registry ?? "none"}`);
  if (builds.length > 0) io.print("\nLast builds");
  for (const { id, endedAt, outputs } of builds) {
    const age = ageText(now - endedAt.getTime());
    io.print(`  ${id}  ${count(outputs, "output", "outputs")}, ${age} ago`);
  }
}

/** Those with an id, which only a registry gives: the last one first. */
async function lastBuilds(): Promise<readonly PastBuild[]> {
  const records = await readRecords(targetRoots());
  const builds = new Map<string, { id: string; endedAt: Date; outputs: number }>();
  for (const taskId of records.ids()) {
    const { buildId, builtAt } = records.find(taskId) ?? {};
    if (buildId === undefined || builtAt === undefined) continue;
    const build = builds.get(buildId);
    if (build === undefined) builds.set(buildId, { id: buildId, endedAt: builtAt, outputs: 1 });
    else {
      build.outputs++;
      if (builtAt > build.endedAt) build.endedAt = builtAt;
    }
  }
  return [...builds.values()].sort((a, b) => b.endedAt.getTime() - a.endedAt.getTime())
    .slice(0, MOST_BUILDS);
}
