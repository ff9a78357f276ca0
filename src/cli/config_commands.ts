/**
 * `config`, as it is declared.
 *
 * @module
 */

import type { Command } from "commander";
import type { CliIo } from "./cli_io.ts";
import type { ListOptions } from "./ask_registry.ts";
import type { AddProfileOptions } from "./change_profiles.ts";
import type { AddRegistryOptions, RemoveRegistryOptions } from "./change_registries.ts";
import { withExamples } from "./help.ts";

/** Options of commands that have no others. */
interface JsonOption {
  readonly json?: boolean | undefined;
}

/** Adds `config` to the program. */
export function addConfigCommands(program: Command, io: CliIo): void {
  const config = program.command("config")
    .description("see and change which registry is told what is built, and where outputs are kept");
  addShow(config, io);
  addRegistryCommands(config, io);
  addProfileCommands(config, io);
  addTargetRootCommands(config, io);
  addListCommands(config, io);
  withExamples(config, [
    "stardag config show",
    "stardag config registry add team --url https://stardag.example.org",
    "stardag config profile use development",
  ]);
}

function addShow(config: Command, io: CliIo): void {
  const command = withJson(config.command("show"))
    .description("tell what is configured, and where each value comes from")
    .action(async (options: JsonOption) => {
      const { showConfig } = await import("./show_config.ts");
      showConfig(options, io);
    });
  withExamples(command, ["stardag config show", "stardag config show --json | jq .targetRoots"]);
}

function addRegistryCommands(config: Command, io: CliIo): void {
  const registry = config.command("registry").description("the registries that are known by name");
  const add = withJson(registry.command("add"))
    .description("add a registry, or give the one of that name another url")
    .argument("<name>", "what it is called here")
    .requiredOption("--url <url>", "where it is")
    .action(async (name: string, options: AddRegistryOptions) => {
      const { addNamedRegistry } = await import("./change_registries.ts");
      await addNamedRegistry(name, options, io);
    });
  withExamples(add, ["stardag config registry add team --url https://stardag.example.org"]);
  const list = withJson(registry.command("list"))
    .description("list the registries")
    .action(async (options: JsonOption) => {
      const { listRegistries } = await import("./show_config.ts");
      listRegistries(options, io);
    });
  withExamples(list, ["stardag config registry list"]);
  const remove = withJson(registry.command("remove"))
    .description("remove a registry that no profile uses")
    .argument("<name>", "what it is called here")
    .option("--with-profiles", "remove the profiles that use it, too")
    .action(async (name: string, options: RemoveRegistryOptions) => {
      const { removeNamedRegistry } = await import("./change_registries.ts");
      await removeNamedRegistry(name, options, io);
    });
  withExamples(remove, ["stardag config registry remove team --with-profiles"]);
  withExamples(registry, ["stardag config registry list"]);
}

function addProfileCommands(config: Command, io: CliIo): void {
  const profile = config.command("profile")
    .description("profiles: a registry, a workspace and an environment there, and who works in it");
  const add = withJson(profile.command("add"))
    .description("add a profile, or replace what the one of that name says")
    .argument("<name>", "what it is called")
    .option("-r, --registry <name>", "its registry; that of the profile in use unless told")
    .option("-w, --workspace <slug>", "its workspace; the only one there is unless told")
    .option("-e, --environment <slug>", "its environment; the only one there is unless told")
    .option("-u, --user <user>", "who works with it; who is signed in unless told")
    .option("-d, --default", "use it where nothing else is said")
    .action(async (name: string, options: AddProfileOptions) => {
      const { addNamedProfile } = await import("./change_profiles.ts");
      await addNamedProfile(name, options, io);
    });
  withExamples(add, [
    "stardag config profile add prod -r team -w research -e production",
    "stardag config profile add dev -e development --default",
  ]);
  const list = withJson(profile.command("list"))
    .description("list the profiles")
    .action(async (options: JsonOption) => {
      const { listProfiles } = await import("./show_config.ts");
      listProfiles(options, io);
    });
  withExamples(list, ["stardag config profile list"]);
  const use = withJson(profile.command("use"))
    .description("use a profile where nothing else is said")
    .argument("<name>", "what it is called")
    .action(async (name: string, options: JsonOption) => {
      const { useNamedProfile } = await import("./change_profiles.ts");
      await useNamedProfile(name, options, io);
    });
  withExamples(use, ["stardag config profile use dev"]);
  const remove = withJson(profile.command("remove"))
    .description("remove a profile")
    .argument("<name>", "what it is called")
    .action(async (name: string, options: JsonOption) => {
      const { removeNamedProfile } = await import("./change_profiles.ts");
      await removeNamedProfile(name, options, io);
    });
  withExamples(remove, ["stardag config profile remove dev"]);
  withExamples(profile, ["stardag config profile list", "stardag config profile use dev"]);
}

function addTargetRootCommands(config: Command, io: CliIo): void {
  const roots = config.command("target-roots").description("where outputs are kept");
  const list = withJson(roots.command("list"))
    .description("list the target roots in force")
    .action(async (options: JsonOption) => {
      const { listTargetRoots } = await import("./show_config.ts");
      listTargetRoots(options, io);
    });
  withExamples(list, ["stardag config target-roots list"]);
  const sync = withJson(roots.command("sync"))
    .description("ask the registry for those of the environment in use")
    .action(async (options: JsonOption) => {
      const { syncTargetRoots } = await import("./ask_registry.ts");
      await syncTargetRoots(options, io);
    });
  withExamples(sync, ["stardag config target-roots sync"]);
  withExamples(roots, ["stardag config target-roots list"]);
}

function addListCommands(config: Command, io: CliIo): void {
  const list = config.command("list").description("what there is in the registry");
  const workspaces = withJson(list.command("workspaces"))
    .description("list the workspaces of who is signed in")
    .option("-r, --registry <name>", "there; at that of the profile in use unless told")
    .action(async (options: ListOptions) => {
      const { listWorkspaces } = await import("./ask_registry.ts");
      await listWorkspaces(options, io);
    });
  withExamples(workspaces, ["stardag config list workspaces"]);
  const environments = withJson(list.command("environments"))
    .description("list the environments of a workspace")
    .option("-r, --registry <name>", "there; at that of the profile in use unless told")
    .option("-w, --workspace <slug>", "of this one; of that of the profile in use unless told")
    .action(async (options: ListOptions) => {
      const { listEnvironments } = await import("./ask_registry.ts");
      await listEnvironments(options, io);
    });
  withExamples(environments, ["stardag config list environments --workspace research"]);
  withExamples(list, ["stardag config list workspaces"]);
}

function withJson(command: Command): Command {
  return command.option("--json", "print it as one JSON document");
}
