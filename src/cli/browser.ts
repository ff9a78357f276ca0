/**
 * Opens a page in the browser of whoever sits there.
 *
 * @module
 */

/** Has the page opened, if there is a program for that and Deno may run it. Nobody knows whether that succeeds. */
export async function openInBrowser(url: string): Promise<void> {
  const [command, ...args] = opener(Deno.build.os);
  const { state } = await Deno.permissions.query({ name: "run", command });
  if (state !== "granted") return;
  try {
    // It may go on for as long as the browser is open, which is not waited for.
    new Deno.Command(command, {
      args: [...args, url],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn().unref();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function opener(os: typeof Deno.build.os): readonly [command: string, ...args: string[]] {
  switch (os) {
    case "windows":
      // Not by cmd, to which the "&" of a url means something.
      return ["rundll32", "url.dll,FileProtocolHandler"];
    case "darwin":
      return ["open"];
    default:
      return ["xdg-open"];
  }
}
