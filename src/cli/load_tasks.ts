/**
 * Gets the tasks that a command is told: imports the module, picks the export, makes a task of its parameters. Unaware of
 * what is done with them.
 *
 * @module
 */

import { messageOf, TaskParameterError } from "../errors.ts";
import { parametersOf } from "../inspect/leaves.ts";
import { describe } from "../json.ts";
import { TaskBase } from "../tasks/base_task.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import { isTask, type TaskStruct } from "../tasks/task.ts";
import { OWN_BODY } from "../tasks/task_body.ts";
import type { TaskType } from "../tasks/type_registry.ts";
import { type ModuleArgument, moduleArgument } from "./module_argument.ts";
import {
  exportList,
  findExport,
  importModule,
  structOf,
  type TaskExport,
} from "./module_exports.ts";
import {
  type GivenParameters,
  givenParameters,
  parametersFor,
  untypedValues,
} from "./parameters.ts";
import { didYouMean } from "./similar.ts";
import type { TaskOptions } from "./task_argument.ts";
import { UsageError } from "./usage.ts";

/**
 * The tasks that an argument and the parameters name; of several arguments, with the same parameters, those of all.
 * Throws `UsageError` where the module, the export or the parameters are not what they must be; what the module throws.
 */
export async function loadTasks(
  argument: string | readonly string[],
  options: TaskOptions = {},
): Promise<TaskStruct> {
  const given = await givenParameters(options);
  if (typeof argument === "string") return await namedTasks(argument, given);
  const tasks: TaskStruct[] = [];
  for (const each of argument) tasks.push(await namedTasks(each, given));
  return tasks.length === 1 ? tasks[0]! : tasks;
}

async function namedTasks(argument: string, given: GivenParameters): Promise<TaskStruct> {
  const from = moduleArgument(argument);
  const module = await importModule(from);
  const found = findExport(from, module);
  if (found === undefined) {
    throw new UsageError(
      `Cannot tell which task of "${from.module}" is meant: it ${exportList(module)}`,
    );
  }
  const { name, value } = found;
  const what = `${from.module}:${name}`;
  const tasks = await tasksOf(value, given, what);
  if (!isOfThisCopy(tasks)) throw otherCopy(from);
  return memberOf(tasks, from.members, what);
}

async function tasksOf(
  value: TaskExport,
  given: GivenParameters,
  what: string,
): Promise<TaskStruct> {
  switch (value.kind) {
    case "tasks":
      if (given.size > 0) {
        throw new UsageError(
          `Cannot give parameters to "${what}": it is made already. Name a task function or a class`,
        );
      }
      return value.tasks;
    case "type":
      return taskOfType(value.type, given, what);
    case "function": {
      const made = await calledWith(value.make, given, what);
      const tasks = structOf(made);
      if (tasks !== undefined) return tasks;
      throw new UsageError(
        `Cannot use "${what}": the function gives ${
          describe(made)
        }. Have it give a task, or tasks in an array or record`,
      );
    }
    default:
      throw new Error(`BUG: ${describe(value satisfies never)}`);
  }
}

/** What a function of the user gives; what it throws, with what it was called with. */
async function calledWith(
  make: (params?: unknown) => unknown,
  given: GivenParameters,
  what: string,
): Promise<unknown> {
  const params = given.size === 0 ? undefined : untypedValues(given);
  try {
    return await (params === undefined ? make() : make(params));
  } catch (cause) {
    if (params === undefined && make.length === 0) throw cause;
    const call = params === undefined ? "without parameters" : `with ${JSON.stringify(params)}`;
    throw new Error(`Cannot get the tasks of "${what}", called ${call}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function taskOfType(type: TaskType, given: GivenParameters, what: string): TaskStruct {
  const params = parametersFor(type, given);
  try {
    return type.make(params, type.version);
  } catch (error) {
    if (!(error instanceof TaskParameterError && error.typeId === type.id)) throw error;
    throw new UsageError(
      `${error.message}. Its parameters: stardag build ${what} --help`,
      { cause: error },
    );
  }
}

/** What is meant by the names behind that of the export. */
function memberOf(tasks: TaskStruct, members: readonly string[], what: string): TaskStruct {
  let found = tasks;
  let place = what;
  for (const name of members) {
    const inside = isTask(found) ? parametersOf(found) : found;
    const names = Object.keys(inside).filter((key) => structOf(Reflect.get(inside, key)));
    if (!names.includes(name)) {
      const known = names.length === 0 ? "there are none in it" : `there are ${names.join(", ")}`;
      throw new UsageError(
        `Cannot find the tasks "${name}" in "${place}": ${known}${didYouMean(name, names)}`,
      );
    }
    found = Reflect.get(inside, name) as TaskStruct;
    place += `.${name}`;
  }
  return found;
}

/**
 * Whether they are made by the copy of the package that this is. Those of another one know nothing of what is set here,
 * such as where outputs are kept.
 */
function isOfThisCopy(tasks: TaskStruct): boolean {
  return flattenTaskStruct(tasks).every((task) => task instanceof TaskBase || OWN_BODY in task // an alias was told where its output is
  );
}

function otherCopy({ module }: ModuleArgument): Error {
  const own = new URL("../../", import.meta.url).href;
  return new Error(
    `Cannot use the tasks of "${module}": they are of another copy of @stardag/core than this command line, which is that at "${own}". ` +
      `Name "@stardag/core" in a deno.json next to the module, or run the command line of the version that it imports`,
  );
}
