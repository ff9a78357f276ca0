/**
 * Rows as CSV, with a column for each field of their schema.
 *
 * @module
 */

import { z } from "zod";
import { messageOf, SchemaError } from "../errors.ts";
import { describe } from "../json.ts";
import type { Input, ObjectSchema, Output, SchemaOf } from "../schema.ts";
import { classOf, type SchemaCodec, schemaCodec } from "../schema_codec.ts";
import { wrapped } from "../schema_parts.ts";
import type { FileSystemTarget } from "../targets/target.ts";
import { cannotLoad, cannotSave, checkLoaded, checkSaved, type Place } from "./check.ts";
import { serialized } from "./serialized.ts";
import type { Serializer } from "./serializer.ts";
import { readUtf8 } from "./utf8.ts";

type Part = z.core.$ZodType;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;

/**
 * An array of rows as CSV (RFC 4180): a header line with the names of the fields, then a line for each row.
 * The file is in memory as a whole.
 *
 * Cells are read by the type of their field: text, numbers, booleans (`true`, `True`), dates, literals, and
 * codecs that make one of these. An empty cell is `null` or absent where the schema takes that, `""` is the
 * empty string. A field that can be both `null` and absent comes back as `null`. When loaded, columns may
 * stand in any order, and ones that the schema does not know are left to it.
 */
export class CsvSerializer<R extends ObjectSchema> implements Serializer<Output<R>[]> {
  /** `csv` */
  readonly extension: string = "csv";
  readonly #row: R;
  readonly #columns: readonly Column[];

  /** `rowSchema` has the columns. Throws `SchemaError` for a field that a cell cannot hold, e.g. an array. */
  constructor(rowSchema: R) {
    const { shape, catchall } = rowSchema._zod.def;
    this.#row = rowSchema;
    this.#columns = Object.entries(shape).map(([key, schema]) => columnOf(key, schema));
    if (
      this.#columns.length === 0 || (catchall !== undefined && catchall._zod.def.type !== "never")
    ) {
      throw new SchemaError(
        "Cannot write rows as CSV: their schema does not name all columns. Use a z.object() with at least one field, and no catchall",
      );
    }
  }

  /** Writes the rows. Rejects with `SerializationError` when one does not fit. */
  async dump(value: Output<R>[], target: FileSystemTarget): Promise<void> {
    checkSaved(z.array(z.unknown()), value, target);
    const lines = [this.#columns.map(({ key }) => quoted(key))];
    for (const [i, row] of value.entries()) {
      lines.push(this.#cellsOf(row, { uri: target.uri, path: [i] }));
    }
    await target.write(lines.map((cells) => `${cells.join(",")}\r\n`).join(""));
  }

  /** Reads the rows. Rejects with `SerializationError` that names line and column when the file does not fit. */
  async load(target: FileSystemTarget): Promise<Output<R>[]> {
    const [header, ...records] = await parseCsv(await readUtf8(target), target);
    if (header === undefined) throw cannotLoad(target, "it has no header line");
    const columns = this.#columnsOf(header.cells.map((cell) => cell ?? ""), target);
    return records.map(({ cells, line }, i): Output<R> => {
      const fields = columns.map(({ name, read }, at) => [name, read(cells[at] ?? null)] as const);
      const row = Object.fromEntries(fields.filter(([, value]) => value !== undefined));
      return checkLoaded(this.#row, row, { uri: target.uri, path: [i], line });
    });
  }

  #cellsOf(row: unknown, place: Place): string[] {
    const fields = checkSaved(this.#row, row, place).value as Readonly<Record<string, unknown>>;
    return this.#columns.map(({ key, write }) => {
      try {
        return write(fields[key]);
      } catch (error) {
        throw cannotSave(place, `${messageOf(error)}, at ${key}`, { path: [key], cause: error });
      }
    });
  }

  /** How to read the columns of the file. What the schema does not know is text. */
  #columnsOf(names: readonly string[], target: FileSystemTarget): readonly ColumnOfFile[] {
    const header = { uri: target.uri, line: 1 };
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) throw cannotLoad(header, `two columns are called ${describe(twice)}`);
    const missing = this.#columns.find(({ key, mayBeMissing }) =>
      !mayBeMissing && !names.includes(key)
    );
    if (missing !== undefined) {
      throw cannotLoad(header, `no column is called ${describe(missing.key)}`, {
        path: [missing.key],
      });
    }
    return names.map((name): ColumnOfFile => {
      const known = this.#columns.find(({ key }) => key === name);
      return { name, read: known?.read ?? ((cell) => cell) };
    });
  }
}

/**
 * An output of rows, stored as CSV with a column for each field of their schema.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const scores = sd.task({
 *   name: "scores",
 *   output: sd.csv(z.object({ name: z.string(), score: z.number() })),
 *   run: () => [{ name: "Ada", score: 0.9 }],
 * });
 * ```
 */
export function csv<R extends ObjectSchema>(rowSchema: R): SchemaOf<Output<R>[], Input<R>[]> {
  return serialized(z.array(rowSchema), new CsvSerializer(rowSchema) as never) as ReturnType<
    typeof csv<R>
  >;
}

/** One field of the rows. */
interface Column {
  readonly key: string;
  /** Whether a file without the column will do. */
  readonly mayBeMissing: boolean;
  /** The cell of a value. Throws when there is none for it. */
  readonly write: (value: unknown) => string;
  /** What the schema takes, of a cell; what cannot be read stays text, for the schema to refuse. */
  readonly read: (cell: string | null) => unknown;
}

interface ColumnOfFile {
  readonly name: string;
  readonly read: (cell: string | null) => unknown;
}

/** What a cell holds. */
type Kind = "text" | "number" | "bigint" | "boolean";

function columnOf(key: string, schema: Part): Column {
  const kinds = new Set(kindsOf(key, schema));
  const [kind] = kinds;
  if (kind === undefined || kinds.size > 1) throw unfitColumn(key, "values of several kinds");
  const codec: SchemaCodec = schemaCodec(schema);
  const takes = (value: null | undefined): boolean => {
    const encoded = z.safeEncode(schema, value);
    return encoded.success && encoded.data === value;
  };
  const empty = takes(null) ? null : takes(undefined) || kind !== "text" ? undefined : "";
  return {
    key,
    mayBeMissing: z.safeParse(schema, undefined).success,
    write(value): string {
      const json = codec.toJson(value, refuseReference);
      return json === null || json === undefined
        ? ""
        : typeof json === "string"
        ? quoted(json)
        : JSON.stringify(json);
    },
    read: (cell) => cell === null ? empty : codec.fromJson(valueOf(kind, cell), refuseReference),
  };
}

/** What values of the schema are in a cell; those that are `null` or absent are none. */
function kindsOf(key: string, schema: Part): Kind[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "string":
    case "template_literal":
    case "date":
      return ["text"];
    case "number":
    case "boolean":
    case "bigint":
      return [def.type];
    case "null":
    case "undefined":
      return [];
    case "literal":
      return def.values.flatMap((value) => kindOfValue(value));
    case "enum":
      return Object.values(def.entries).flatMap((value) => kindOfValue(value));
    case "union":
      return def.options.flatMap((option) => kindsOf(key, option));
    case "pipe":
      return kindsOf(key, def.in);
    case "custom":
      if ([Date, URL, Uint8Array].includes(classOf(schema) as never)) return ["text"];
      throw unfitColumn(key, "z.custom() or z.instanceof()");
    default: {
      const inner = wrapped(schema);
      if (inner === undefined) throw unfitColumn(key, `z.${def.type}()`);
      return kindsOf(key, inner);
    }
  }
}

function kindOfValue(value: unknown): Kind[] {
  if (value === null || value === undefined) return [];
  return typeof value === "string" ? ["text"] : [typeof value as Kind];
}

function valueOf(kind: Kind, cell: string): unknown {
  switch (kind) {
    case "text":
      return cell;
    case "number":
      return NUMBER.test(cell) ? Number(cell) : cell;
    case "bigint":
      return INTEGER.test(cell) ? BigInt(cell) : cell;
    case "boolean": {
      const word = cell.toLowerCase();
      return word === "true" ? true : word === "false" ? false : cell;
    }
    default:
      throw new Error(`BUG: unknown kind of cell "${kind satisfies never}"`);
  }
}

function unfitColumn(key: string, what: string): SchemaError {
  return new SchemaError(
    `Cannot write the column "${key}" as CSV: a cell cannot hold ${what}. Use text, numbers, booleans or dates, or a z.codec that makes one of them`,
  );
}

function refuseReference(): never {
  throw new Error("BUG: a column that takes tasks");
}

/** A cell of text. The empty string is quoted, to tell it from no value. */
function quoted(text: string): string {
  if (!text.isWellFormed()) throw new RangeError("UTF-8 cannot hold half of a surrogate pair");
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

interface Line {
  /** `null` for nothing at all between two commas. */
  readonly cells: readonly (string | null)[];
  /** Where it begins, from 1. */
  readonly line: number;
}

async function parseCsv(text: string, target: FileSystemTarget): Promise<readonly Line[]> {
  // deno-lint-ignore no-import-prefix -- loaded only by those who read CSV
  const { parse } = await import("npm:csv-parse@^7/sync");
  try {
    const records = parse(text, {
      bom: true,
      info: true,
      record_delimiter: ["\r\n", "\n", "\r"],
      cast: (cell, { quoting }) => cell === "" && !quoting ? null : cell,
    }) as unknown as readonly { record: (string | null)[]; info: { lines: number } }[];
    return records.map(({ record }, i): Line => ({
      cells: record,
      line: (records[i - 1]?.info.lines ?? 0) + 1,
    }));
  } catch (error) {
    const { lines } = error as { readonly lines?: unknown };
    const line = typeof lines === "number" ? lines : undefined;
    throw cannotLoad({ uri: target.uri, line }, messageOf(error), { cause: error });
  }
}
