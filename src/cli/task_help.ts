/**
 * The help of a command that is told a task, with what is to be known of that task: its parameters by their schemas.
 *
 * @module
 */

import type { Command } from "commander";
import { z } from "zod";
import { describe } from "../json.ts";
import { wrapped } from "../schema_parts.ts";
import { referenceSchemas } from "../schema_codec.ts";
import { printable } from "../reporters/text_width.ts";
import { schemaName } from "../tasks/fit.ts";
import type { Parameter, TaskType } from "../tasks/type_registry.ts";
import { isTask } from "../tasks/task.ts";
import type { CliIo } from "./cli_io.ts";
import { exportsOf, findExport, importModule, type NamedExport } from "./module_exports.ts";
import { type ModuleArgument, moduleArgument } from "./module_argument.ts";
import { ranInProject } from "./project.ts";
import { keepStdout } from "./users_output.ts";

/** The command whose help it is, and where that is shown. */
interface HelpPlace {
  readonly command: Command;
  readonly io: CliIo;
}

/** Shows the help of the command and of the task. */
export async function showTaskHelp(command: Command, argument: string, io: CliIo): Promise<void> {
  if (await ranInProject(argument, io)) return;
  const from = moduleArgument(argument);
  keepStdout();
  const module = await importModule(from);
  const found = findExport(from, module);
  const about = found === undefined
    ? listed(
      { command, io },
      `Exports of ${from.module}:`,
      exportsOf(module).map((each) => [each.name, whatIs(each)]),
    )
    : exportText({ command, io }, from, found);
  io.print(`${command.helpInformation().trimEnd()}\n\n${about}`);
}

function exportText(place: HelpPlace, from: ModuleArgument, chosen: NamedExport): string {
  const title = `${from.module}:${chosen.name}`;
  switch (chosen.value.kind) {
    case "tasks":
      return `${title} is ${whatIs(chosen)}; it takes no parameters`;
    case "function":
      return `${title} is a function, called with one object of what --param and --params give`;
    case "type":
      return parametersText(place, title, chosen.value.type);
    default:
      throw new Error(`BUG: ${describe(chosen.value satisfies never)}`);
  }
}

function parametersText(place: HelpPlace, title: string, type: TaskType): string {
  if (type.parameters.length === 0) return `${title} takes no parameters`;
  return listed(
    place,
    `Parameters of ${title}:`,
    type.parameters.map((parameter) => [parameter.key, aboutParameter(parameter)]),
  );
}

/** What is a task says which; what is several, how many. */
function whatIs({ value }: NamedExport): string {
  if (value.kind === "type") {
    const names = value.type.parameters.map(({ key }) => key);
    return `makes ${value.type.id}(${names.join(", ")})`;
  }
  if (value.kind === "function") return "a function";
  return isTask(value.tasks) ? `the task ${value.tasks}` : "several tasks";
}

/** What a value is: as in messages, but for tasks and for what has few values. */
function valueName(schema: z.core.$ZodType): string {
  const reference = referenceSchemas.of(schema);
  if (reference !== undefined) {
    return reference.output === undefined ? "task" : `task of ${valueName(reference.output)}`;
  }
  const inner = wrapped(schema);
  if (inner !== undefined) return valueName(inner);
  const def = (schema as z.core.$ZodTypes)._zod.def;
  if (def.type === "enum") {
    return Object.values(def.entries).map((value) => JSON.stringify(value)).join(" or ");
  }
  if (def.type === "array") return `array of ${valueName(def.element)}`;
  if (def.type === "date") return "date, e.g. 2026-01-31 or 2026-01-31T12:00:00Z";
  if (def.type === "object") return objectName(def.shape);
  return schemaName(schema);
}

/** With what its members are, but not with those of these. */
function objectName(shape: Readonly<Record<string, z.core.$ZodType>>): string {
  const members = Object.entries(shape).map(([key, member]) => {
    const isOptional = member._zod.optin === "optional";
    return `${key}${isOptional ? "?" : ""}: ${schemaName(member).replace(/ or undefined$/, "")}`;
  });
  return members.length === 0 ? "object" : `object { ${members.join(", ")} }`;
}

function aboutParameter({ schema, mark }: Parameter): string {
  const facts = [valueName(schema)];
  const preset = defaultOf(schema);
  if (preset !== undefined) facts.push(`default: ${describe(preset.value)}`);
  else if (schema._zod.optin === "optional") facts.push("optional");
  else facts.push("required");
  if (!mark.significant) facts.push("not part of the id");
  const description = descriptionOf(schema);
  return `${description === undefined ? "" : `${description} `}(${facts.join(", ")})`;
}

function defaultOf(schema: z.core.$ZodType): { readonly value: unknown } | undefined {
  for (let at: z.core.$ZodType | undefined = schema; at !== undefined; at = wrapped(at)) {
    const def = (at as z.core.$ZodTypes)._zod.def;
    if (def.type === "default" || def.type === "prefault") return { value: def.defaultValue };
  }
  return undefined;
}

function descriptionOf(schema: z.core.$ZodType): string | undefined {
  for (let at: z.core.$ZodType | undefined = schema; at !== undefined; at = wrapped(at)) {
    const description = z.globalRegistry.get(at as z.ZodType)?.description;
    if (description !== undefined) return description;
  }
  return undefined;
}

/** A list as help shows its own. */
function listed(
  { command, io }: HelpPlace,
  title: string,
  items: readonly (readonly [string, string])[],
): string {
  const help = command.createHelp();
  help.prepareContext({ helpWidth: io.stdout.columns });
  const width = Math.max(...items.map(([term]) => term.length));
  const lines = items.map(([term, description]) =>
    help.formatItem(term, width, printable(description), help)
  );
  return [io.stdout.color ? help.styleTitle(title) : title, ...lines].join("\n");
}
