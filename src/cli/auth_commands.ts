/**
 * `auth`, as it is declared.
 *
 * @module
 */

import type { Command } from "commander";
import type { CliIo } from "./cli_io.ts";
import { withExamples } from "./help.ts";
import type { LoginOptions } from "./login.ts";
import { countOf, portOf } from "./option_values.ts";
import type { LogoutOptions, RefreshOptions, StatusOptions } from "./sign_in_commands.ts";

/** Where an identity provider sends browsers back to that knows this program. */
const USUAL_PORT = 8400;
const USUAL_SECONDS = 120;

/** Adds `auth` to the program. */
export function addAuthCommands(program: Command, io: CliIo): void {
  const auth = program.command("auth").description("sign in to a registry, and out again");
  addLogin(auth, io);
  addLogout(auth, io);
  addStatus(auth, io);
  addRefresh(auth, io);
  withExamples(auth, [
    "stardag auth login",
    "stardag auth status",
    "stardag auth logout --all",
  ]);
}

function addLogin(auth: Command, io: CliIo): void {
  const command = auth.command("login")
    .description("sign in with a browser, and make a profile of where you work")
    .option("-r, --registry <name>", "sign in there; to that of the profile in use unless told")
    .option("--api-url <url>", "its url, for one that is not yet configured")
    .option("-w, --workspace <slug>", "work in this workspace")
    .option("-e, --environment <slug>", "work in this environment")
    .option("--no-browser", "only tell the address to open")
    .option("--timeout <seconds>", "how long to wait for the browser", countOf, USUAL_SECONDS)
    .option("--port <port>", "where the browser comes back to; 0 is any", portOf, USUAL_PORT)
    .option("--json", "print how it ended as one JSON document")
    .action(async (options: LoginOptions) => {
      const { login } = await import("./login.ts");
      await login(options, io);
    });
  withExamples(command, [
    "stardag auth login",
    "stardag auth login --registry team --api-url https://stardag.example.org",
    "stardag auth login --workspace research --environment development --no-browser",
  ]);
}

function addLogout(auth: Command, io: CliIo): void {
  const command = auth.command("logout")
    .description("remove all that was signed in with from this machine")
    .option("-r, --registry <name>", "only that; of the registry of the profile in use unless told")
    .option("--all", "of all registries")
    .option("--json", "print what was removed as one JSON document")
    .action(async (options: LogoutOptions) => {
      const { logout } = await import("./sign_in_commands.ts");
      await logout(options, io);
    });
  withExamples(command, ["stardag auth logout", "stardag auth logout --registry team"]);
}

function addStatus(auth: Command, io: CliIo): void {
  const command = auth.command("status")
    .description("tell who builds are told as, and who is signed in")
    .option("--json", "print it as one JSON document")
    .action(async (options: StatusOptions) => {
      const { showStatus } = await import("./sign_in_commands.ts");
      showStatus(options, io);
    });
  withExamples(command, ["stardag auth status", "stardag auth status --json | jq .signIns"]);
}

function addRefresh(auth: Command, io: CliIo): void {
  const command = auth.command("refresh")
    .description("get a new token, and look up ids and target roots anew")
    .option("-r, --registry <name>", "there; at that of the profile in use unless told")
    .option("-u, --user <user>", "as this user")
    .option("-w, --workspace <slug>", "for this workspace")
    .option("--json", "print how it ended as one JSON document")
    .action(async (options: RefreshOptions) => {
      const { refresh } = await import("./sign_in_commands.ts");
      await refresh(options, io);
    });
  withExamples(command, ["stardag auth refresh", "stardag auth refresh --workspace research"]);
}
