/**
 * Workers that are threads of this process. They are those of `node:worker_threads`: what Deno knows as `Worker` keeps
 * the program from ending while it has nothing to do, even after it was terminated while it computed, and does not tell
 * that it has ended. Unaware of what they run.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { Worker as Thread } from "node:worker_threads";
import { PermissionError } from "../errors.ts";
import { moduleUrl, WORKER_MAIN } from "./worker_entry.ts";
import type { Place, Worker, WorkerListener } from "./worker_pool.ts";

/** Where any task can run that needs nothing special: threads are all alike. */
export const THREAD: Place = { key: "", isSandbox: false, start: startThread };

function startThread(listener: WorkerListener): Worker {
  checkMayStart();
  const code = `import { serveThread } from ${JSON.stringify(WORKER_MAIN)}; await serveThread();`;
  const thread = new Thread(new URL(moduleUrl(code)));
  let error: string | undefined;
  thread.on("message", (message) => listener.told(message));
  thread.on("error", (thrown: Error) => error ??= thrown.message);
  const gone = new Promise<void>((resolve) => {
    thread.on("exit", (code: number) => {
      listener.ended({ code, signal: undefined, error });
      resolve();
    });
  });
  return {
    send: (message) => thread.postMessage(message),
    keepAlive: (isOn) => isOn ? thread.ref() : thread.unref(),
    async kill(): Promise<void> {
      await thread.terminate();
      await gone;
    },
  };
}

/** A thread imports its code at run time, for which Deno asks for reading. */
function checkMayStart(): void {
  if (!WORKER_MAIN.startsWith("file:")) return;
  const path = fromFileUrl(WORKER_MAIN);
  if (Deno.permissions.querySync({ name: "read", path }).state === "granted") return;
  const flag = `--allow-read=${fromFileUrl(new URL("../../", WORKER_MAIN))}`;
  throw new PermissionError(
    `Cannot start a worker: Deno may not read "${path}". Run with ${flag}, from which workers import their code`,
    { flag },
  );
}
