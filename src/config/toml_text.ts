/**
 * TOML as people write it: where an entry stands, and how to change it and leave all else as it is. It goes by lines, and
 * does not know all of TOML: so what it has changed is parsed, and must say what was wanted. Unaware of what the entries
 * are for.
 *
 * @module
 */

import { parse } from "@std/toml";

/** What is to stand at a path of keys: a text, or nothing at it and below it. */
export interface TomlEdit {
  readonly path: readonly string[];
  readonly value: string | undefined;
}

/** A header `[table]` or an entry `key = value`. */
interface Statement {
  readonly isHeader: boolean;
  /** All keys that lead to it, those of its table first. */
  readonly path: readonly string[];
  /** Its first line, from 0. */
  readonly first: number;
  /** The line after its last one. */
  end: number;
}

const QUOTED = `"(?:[^"\\\\]|\\\\.)*"|'[^']*'`;
const HEADER = new RegExp(`^\\s*\\[+((?:${QUOTED}|[^\\]"'#])+)\\]+\\s*(?:#.*)?$`);
const ENTRY = new RegExp(`^\\s*((?:${QUOTED}|[^="'#\\[\\]{},])+)=`);
const KEY = new RegExp(`${QUOTED}|[\\w-]+`, "g");
/** An entry whose value is a text on one line: what is before and after that. */
const TEXT = new RegExp(`^(\\s*(?:${QUOTED}|[^="'#])+=\\s*)(?:${QUOTED})(\\s*(?:#.*)?)$`);

/** The line where an entry is set, from 1, or else the nearest that it is in. */
export function lineOf(text: string, path: readonly string[]): number | undefined {
  let nearest: Statement | undefined;
  for (const statement of statementsOf(text.split("\n"))) {
    const isAbove = startsWith(path, statement.path);
    if (isAbove && statement.path.length > (nearest?.path.length ?? 0)) nearest = statement;
  }
  return nearest && nearest.first + 1;
}

/** The text with the edits made, one after the other; `undefined` when it is not written in a way that can be edited. */
export function editToml(text: string, edits: readonly TomlEdit[]): string | undefined {
  const lines = text.split("\n");
  for (const { path, value } of edits) {
    if (value === undefined) removeAt(lines, path);
    else setAt(lines, path, value);
  }
  const edited = lines.join("\n");
  const wanted = edits.reduce(withEdit, parse(text) as unknown);
  return comparable(wanted) === comparable(parsed(edited)) ? edited : undefined;
}

function setAt(lines: string[], path: readonly string[], value: string): void {
  const lineEnd = lines[0]?.endsWith("\r") === true ? "\r" : "";
  const statements = statementsOf(lines);
  const known = statements.find((each) => !each.isHeader && isSame(each.path, path));
  const entry = `${keyText(path.at(-1) ?? "")} = ${JSON.stringify(value)}`;
  if (known !== undefined) {
    const [, before, after] = TEXT.exec(lines[known.first] ?? "") ?? [];
    const line = before === undefined
      ? entry + lineEnd
      : before + JSON.stringify(value) + (after ?? "");
    lines.splice(known.first, known.end - known.first, line);
    return;
  }
  const table = path.slice(0, -1);
  const header = statements.findIndex((each) => each.isHeader && isSame(each.path, table));
  if (header >= 0) {
    const next = statements.findIndex((each, index) => index > header && each.isHeader);
    const last = statements.at(next < 0 ? -1 : next - 1);
    lines.splice(last?.end ?? lines.length, 0, entry + lineEnd);
    return;
  }
  // What is written in braces takes no more tables.
  if (statements.some((each) => !each.isHeader && startsWith(table, each.path))) return;
  while (lines.at(-1)?.trim() === "") lines.pop();
  const separator = lines.length === 0 ? [] : [""];
  const added = [...separator, `[${table.map(keyText).join(".")}]`, entry];
  lines.push(...added.map((line) => line + lineEnd), "");
}

/** Comments go only from within what is removed. */
function removeAt(lines: string[], path: readonly string[]): void {
  const ranges: { first: number; end: number }[] = [];
  let isWithin = false;
  for (const { path: own, first, end } of statementsOf(lines)) {
    const last = ranges.at(-1);
    const isRemoved = startsWith(own, path);
    if (isRemoved && isWithin && last !== undefined) last.end = end;
    else if (isRemoved) ranges.push({ first, end });
    isWithin = isRemoved;
  }
  for (const { first, end } of ranges.reverse()) {
    const isAfterBlank = first === 0 || lines[first - 1]?.trim() === "";
    const isBeforeBlank = lines[end]?.trim() === "";
    lines.splice(first, end - first + (isAfterBlank && isBeforeBlank ? 1 : 0));
  }
}

/** In order. What follows a statement up to the next one belongs to it, but for blank lines and comments at the end. */
function statementsOf(lines: readonly string[]): readonly Statement[] {
  const statements: Statement[] = [];
  let table: readonly string[] = [];
  for (const [index, line] of lines.entries()) {
    const header = HEADER.exec(line)?.[1];
    const key = header === undefined ? ENTRY.exec(line)?.[1] : undefined;
    if (header !== undefined) table = keysOf(header);
    const last = statements.at(-1);
    if (header !== undefined || key !== undefined) {
      const path = key === undefined ? table : [...table, ...keysOf(key)];
      statements.push({ isHeader: header !== undefined, path, first: index, end: index + 1 });
    } else if (last !== undefined && !/^\s*(?:#.*)?$/.test(line)) {
      last.end = index + 1;
    }
  }
  return statements;
}

function keysOf(dotted: string): readonly string[] {
  return Array.from(dotted.matchAll(KEY), ([key]) => {
    if (key.startsWith('"')) return unquoted(key);
    return key.startsWith("'") ? key.slice(1, -1) : key;
  });
}

/** Not all escapes of TOML are those of JSON. */
function unquoted(key: string): string {
  try {
    return JSON.parse(key);
  } catch {
    return key.slice(1, -1);
  }
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && startsWith(a, b);
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((key, index) => key === path[index]);
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** What is wanted, as a value. */
function withEdit(value: unknown, { path, value: text }: TomlEdit): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return text;
  const entries = new Map(Object.entries(isTable(value) ? value : {}));
  entries.set(key, withEdit(entries.get(key), { path: rest, value: text }));
  return Object.fromEntries(entries);
}

/** The same text for the same value; tables without anything in them do not count. */
function comparable(value: unknown): string | undefined {
  if (Array.isArray(value)) return `[${value.map(comparable)}]`;
  if (typeof value === "string" || value instanceof Date) return JSON.stringify(value);
  if (!isTable(value)) return `${value}`;
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).flatMap(
    ([key, each]) => {
      const text = each === undefined ? "" : comparable(each);
      return text === "" ? [] : [`${JSON.stringify(key)}:${text}`];
    },
  );
  return entries.length === 0 ? "" : `{${entries}}`;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
