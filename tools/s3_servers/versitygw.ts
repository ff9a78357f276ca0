/** `versitygw`: an S3 server in Go that keeps objects as files in a folder. */

import { exists } from "@std/fs";
import { join } from "@std/path";
import { freePort, run, Running, type S3TestServer } from "./server.ts";

const MODULE = "github.com/versity/versitygw/cmd/versitygw";
const VERSION = "v1.8.0";

/** What comes of keeping objects as files and uploads as folders: not as in AWS. */
const LACKS = [
  // A name that long leaves no room for that of the file from which it is replaced.
  "can have a name of 250 letters",
  "can have a name of 83 letters of three bytes",
  // Removing "a/" is taken for removing a folder, which is refused when there is something in it.
  "removes nothing where there is no file",
  // A part that arrives while its upload is given up brings the upload back.
  "lists a write under way until it is discarded",
];

/** Builds it, unless it was built before, and starts it. */
export async function startVersitygw(programs: AsyncDisposableStack): Promise<S3TestServer> {
  const program = await install();
  const running = programs.use(await Running.none());
  const port = freePort();
  const [region, url] = ["us-east-1", `http://127.0.0.1:${port}`];
  const [accessKeyId, secretAccessKey] = ["versity", "secret/of+versity"];
  const settings = ["--port", `127.0.0.1:${port}`, "--region", region, "--keep-alive", "--quiet"];
  running.start([program, ...settings, "posix", running.folder], {
    env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
  });
  await running.until(url);
  return { name: "versitygw", url, region, accessKeyId, secretAccessKey, lacks: LACKS };
}

async function install(): Promise<string> {
  const home = Deno.env.get("HOME") ?? "/tmp";
  const folder = join(home, ".cache", "stardag-tests", `versitygw-${VERSION}`);
  const program = join(folder, "versitygw");
  if (!await exists(program)) {
    await run(["go", "install", `${MODULE}@${VERSION}`], {
      env: { GOBIN: folder, CGO_ENABLED: "0" },
    });
  }
  return program;
}
