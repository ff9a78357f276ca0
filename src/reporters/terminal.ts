/**
 * The lower end of a terminal: a block of lines that is redrawn in place, while the tasks go on printing above it.
 * Unaware of what the lines say.
 *
 * The cursor stays visible, on the line below the block: a process that is killed leaves nothing to repair.
 *
 * @module
 */

import { isThenable } from "../thenable.ts";
import { watchOthers } from "./others_output.ts";
import { type ReporterOutput, TextOutput } from "./reporter_output.ts";
import { loadMeasure, type Measure, printableLine } from "./text_width.ts";

/** Milliseconds from one look to the next. */
const INTERVAL = 100;
/** How often the block is redrawn at once after others have written, in one interval; in a flood it waits for the next. */
const MOST_REDRAWS = 50;
/** Where nobody knows how large the terminal is. */
const USUAL_SIZE = { columns: 80, rows: 24 };

const ERASE_BELOW = "\x1b[J";
const ERASE_TO_END = "\x1b[K";

/** How much room a section of the block has. */
export interface Room {
  readonly columns: number;
  readonly rows: number;
  readonly measure: Measure;
}

/** A part of the block: one for each build under way. */
export interface Section {
  /** Asked at each look: what is to stay above the block, and what the block says now. */
  look(room: Room): { readonly above: readonly string[]; readonly block: readonly string[] };
}

/** The block on one terminal. */
export class Terminal {
  static readonly #all = new WeakMap<ReporterOutput, Terminal>();

  /** The same for all that write to this output. */
  static of(output: ReporterOutput): Terminal {
    let terminal = Terminal.#all.get(output);
    if (terminal === undefined) Terminal.#all.set(output, terminal = new Terminal(output));
    return terminal;
  }

  readonly #output: ReporterOutput;
  readonly #text: TextOutput;
  readonly #sections = new Set<Section>();
  #stop: (() => void) | undefined;
  #measure: Measure | undefined;
  /** What the block says. */
  #block: readonly string[] = [];
  /** The block as it is on the screen, and how wide the screen was; `undefined` while it is not there. */
  #shown: { readonly block: readonly string[]; readonly columns: number } | undefined;
  /** What is to be written above the block when others have ended their writes. */
  #held: string[] = [];
  /** Whether what others wrote last has ended its line: until then their line is left alone. */
  #isAtLineStart = true;
  /** Writes of others under way. */
  #writing = 0;
  #isOwnWrite = false;
  #redraws = 0;
  #othersWrote = 0;

  private constructor(output: ReporterOutput) {
    this.#output = output;
    this.#text = new TextOutput(output);
  }

  /** How often others have written while the block was there. */
  get othersWrote(): number {
    return this.#othersWrote;
  }

  /** Why nothing is written any more, unless it is that nobody reads. */
  get error(): unknown {
    return this.#text.error;
  }

  /** Has the section in the block, from the next look on. */
  add(section: Section): void {
    this.#sections.add(section);
    this.#stop ??= this.#start();
  }

  /** Takes the section away, and writes the text in its place. */
  remove(section: Section, text: readonly string[]): void {
    this.#sections.delete(section);
    const { above, block } = this.#look();
    this.#show([...above, ...text], block);
    if (this.#sections.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #start(): () => void {
    this.#isAtLineStart = true;
    let unwatch = (): void => {};
    let isStopped = false;
    let isLoading = false;
    // A build that ends at once never comes here: all that takes time is done at the first look.
    const timer = setInterval(() => {
      this.#redraws = 0;
      if (this.#measure !== undefined) {
        const { above, block } = this.#look();
        this.#show(above, block);
      } else if (!isLoading) {
        isLoading = true;
        loadMeasure().then((measure) => {
          if (isStopped) return;
          this.#measure = measure;
          unwatch = watchOthers((write, endsLine) => this.#aside(write, endsLine));
        }, () => {}); // Where it cannot be loaded there is no block, only what is told at the end.
      }
    }, INTERVAL);
    Deno.unrefTimer(timer);
    return () => {
      isStopped = true;
      clearInterval(timer);
      unwatch();
      this.#measure = undefined;
    };
  }

  #look(): { readonly above: string[]; readonly block: string[] } {
    const above: string[] = [];
    const block: string[] = [];
    const measure = this.#measure;
    if (measure !== undefined) {
      const { columns, rows } = this.#size();
      // A line that ends in the last column, and a block as high as the screen, cannot be redrawn in place.
      const room = {
        columns: columns - 1,
        rows: Math.max(1, Math.floor((rows - 2) / this.#sections.size)),
        measure,
      };
      for (const section of this.#sections) {
        const looked = section.look(room);
        above.push(...looked.above);
        block.push(...looked.block.slice(0, room.rows).map((line) => fitted(line, room)));
      }
    }
    return { above, block };
  }

  /** Writes the lines above, and the block below them, all at once. */
  #show(above: readonly string[], block: readonly string[]): void {
    this.#held.push(...above);
    this.#block = block;
    if (this.#writing > 0 && this.#sections.size > 0) return;
    if (this.#held.length === 0 && !this.#isAtLineStart) return;
    const { columns } = this.#size();
    const shown = this.#shown;
    if (this.#held.length === 0 && shown?.columns === columns && isSame(shown.block, block)) return;
    let text = this.#toTop(columns);
    if (this.#held.length > 0) {
      if (shown !== undefined) text += ERASE_BELOW;
      if (!this.#isAtLineStart) text += "\n";
      text += `${this.#held.join("\n")}\n`;
      this.#held = [];
      this.#isAtLineStart = true;
    }
    for (const line of block) text += `${line}${ERASE_TO_END}\n`;
    if (shown !== undefined) text += ERASE_BELOW;
    this.#shown = block.length === 0 ? undefined : { block, columns };
    this.#write(text);
  }

  /** Lets others write where the block was. */
  #aside<T>(write: () => T, endsLine: boolean | undefined): T {
    if (this.#isOwnWrite) return write();
    this.#othersWrote++;
    if (this.#shown !== undefined) {
      const { columns } = this.#size();
      this.#write(`${this.#toTop(columns)}${ERASE_BELOW}`);
      this.#shown = undefined;
    }
    this.#writing++;
    const ended = (): void => {
      this.#writing--;
      this.#isAtLineStart = endsLine ?? this.#isAtLineStart;
      if (this.#redraws++ < MOST_REDRAWS) this.#show([], this.#block);
    };
    let written: T;
    try {
      written = write();
    } catch (error) {
      ended();
      throw error;
    }
    if (isThenable(written)) written.then(ended, ended);
    else ended();
    return written;
  }

  /** Moves the cursor to where the block begins. */
  #toTop(columns: number): string {
    if (this.#shown === undefined) return "";
    const { block, columns: before } = this.#shown;
    const measure = this.#measure;
    // In a window made narrower the lines are wrapped.
    const rows = measure === undefined || columns >= before ? block.length : block.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(measure.width(line) / columns)),
      0,
    );
    return `\r\x1b[${rows}A`;
  }

  #write(text: string): void {
    this.#isOwnWrite = true;
    try {
      this.#text.write(text);
    } finally {
      this.#isOwnWrite = false;
    }
  }

  #size(): { readonly columns: number; readonly rows: number } {
    try {
      const { columns, rows } = this.#output.consoleSize?.() ?? Deno.consoleSize();
      return columns > 0 && rows > 0 ? { columns, rows } : USUAL_SIZE;
    } catch {
      return USUAL_SIZE;
    }
  }
}

/** A line that fits: one that does not goes without colours, and without what only moves it to its place. */
function fitted(line: string, { columns, measure }: Room): string {
  return measure.width(line) <= columns ? line : measure.fit(printableLine(line).trim(), columns);
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}
