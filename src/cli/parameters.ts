/**
 * Parameters as they are typed in, made values that a task type takes. Unaware of where the type comes from.
 *
 * @module
 */

import { isPlainObject, parseJson } from "../json.ts";
import { unwrapped } from "../schema_parts.ts";
import { fileError } from "../targets/file_error.ts";
import { isBody } from "../tasks/body.ts";
import { taskFromJSON } from "../tasks/from_json.ts";
import type { Parameter, TaskType } from "../tasks/type_registry.ts";
import { didYouMean } from "./similar.ts";
import type { TaskOptions } from "./task_argument.ts";
import { UsageError } from "./usage.ts";

/** The parameters given, by name: JSON, or a text of which the schema decides whether it is. */
export type GivenParameters = ReadonlyMap<
  string,
  { readonly json: unknown } | { readonly text: string }
>;

/** Reads the options. Each `--param` takes the place of one in `--params`. Throws `UsageError`. */
export async function givenParameters(
  { param = [], params }: TaskOptions,
): Promise<GivenParameters> {
  const given = new Map<string, { readonly json: unknown } | { readonly text: string }>();
  if (params !== undefined) {
    const json = parsed(await contentOf(params), "--params");
    if (!isPlainObject(json)) {
      throw new UsageError(`Cannot use --params "${params}": give a JSON object`);
    }
    for (const [name, value] of Object.entries(json)) given.set(name, { json: value });
  }
  const names = new Set<string>();
  for (const each of param) {
    const at = each.indexOf("=");
    if (at <= 0) throw new UsageError(`Cannot use --param "${each}": give name=value`);
    const name = each.slice(0, at);
    if (names.has(name)) {
      throw new UsageError(
        `Cannot use --param "${each}": "${name}" is given twice. Give a list as JSON, e.g. ${name}='[1, 2]'`,
      );
    }
    names.add(name);
    const value = each.slice(at + 1);
    const text = await contentOf(value);
    given.set(name, /^@[^@].*\.json$/s.test(value) ? { json: parsed(text, each) } : { text });
  }
  return given;
}

/** The parameters as a type takes them. Throws `UsageError` for one that it has not. */
export function parametersFor(type: TaskType, given: GivenParameters): Record<string, unknown> {
  const names = type.parameters.map(({ key }) => key);
  return Object.fromEntries(
    [...given].map(([name, value]) => {
      const parameter = type.parameters.find(({ key }) => key === name);
      if (parameter === undefined) {
        const known = names.length === 0 ? "it takes none" : `it takes ${names.join(", ")}`;
        throw new UsageError(
          `Cannot give "${name}" to "${type.id}": ${known}${didYouMean(name, names)}`,
        );
      }
      return [
        name,
        "json" in value ? fromJson(parameter, value.json) : fromText(parameter, value.text),
      ];
    }),
  );
}

/** The parameters for a function that says nothing of them: JSON where it is JSON, else text. */
export function untypedValues(given: GivenParameters): Record<string, unknown> {
  return Object.fromEntries(
    [...given].map(([name, value]) => {
      if ("json" in value) return [name, value.json];
      const json = attempted(value.text);
      return [name, json === undefined ? value.text : json.value];
    }),
  );
}

/** Text where a text is wanted, else JSON; what is neither is left to the schema to refuse. */
function fromText(parameter: Parameter, text: string): unknown {
  const { schema } = parameter;
  const kind = unwrapped(schema)._zod.def.type;
  const isNull = text === "null" && schema.safeParse(null).success;
  if ((kind === "string" || kind === "template_literal") && !isNull) return text;
  if (kind === "date" && /^\d{4}-\d\d-\d\d$/.test(text)) {
    return fromJson(parameter, `${text}T00:00:00Z`);
  }
  const json = attempted(text);
  if (json !== undefined) {
    const value = fromJson(parameter, json.value);
    if (isBody(json.value) || schema.safeParse(value).success) return value;
  }
  const asText = fromJson(parameter, text);
  if (json === undefined || schema.safeParse(asText).success) {
    if (json === undefined && /^\s*[[{]/.test(text)) parsed(text, `--param ${parameter.key}`);
    return asText;
  }
  return fromJson(parameter, json.value);
}

/** A task in the JSON stands as what `toJSON()` of it gives. */
function fromJson({ codec, orTask }: Parameter, json: unknown): unknown {
  if (orTask && isBody(json)) return taskFromJSON(json);
  return codec.fromJson(json, (part) => isBody(part) ? taskFromJSON(part) : part);
}

/** The text itself, or that of the file behind an `@`; a text that begins with one is given with two. */
async function contentOf(value: string): Promise<string> {
  if (!value.startsWith("@")) return value;
  if (value.startsWith("@@")) return value.slice(1);
  try {
    const text = await Deno.readTextFile(value.slice(1));
    return text.replace(/^\uFEFF/, ""); // by which some editors mark the encoding
  } catch (error) {
    const path = value.slice(1);
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(error, "read", path);
    throw new UsageError(`Cannot read "${path}": there is no such file`);
  }
}

function parsed(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UsageError(`Cannot use ${what}: it is no JSON, ${(error as Error).message}`);
  }
}

function attempted(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseJson(text) };
  } catch {
    return undefined;
  }
}
