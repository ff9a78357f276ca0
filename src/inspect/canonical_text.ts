/**
 * Canonical texts of tasks beside each other, told apart without being parsed: for looking through very many. They are
 * ASCII, so their bytes are their characters. Unaware of where they come from.
 *
 * @module
 */

import { compareCodePoints } from "../json.ts";

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** A member of an object in a text: where its name, its value begin, and where it ends. */
export interface Span {
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

/** The members of the object that begins in the text at `at`. */
export function memberSpans(text: Uint8Array, at = 0): readonly Span[] {
  const spans: Span[] = [];
  let start = at + 1;
  while (text[start] === QUOTE) {
    const value = endOfName(text, start);
    const end = endOfValue(text, value);
    spans.push({ start, value, end });
    start = end + 1;
  }
  return spans;
}

/** A canonical text that others are compared with. */
export interface Wanted {
  readonly text: Uint8Array;
  readonly members: readonly Span[];
}

/**
 * In how many members the object that begins in the text at `at` differs from the wanted one: both have them in the order of
 * their names. More than `most` are not counted.
 */
export function countDiffering(text: Uint8Array, at: number, wanted: Wanted, most: number): number {
  const { members } = wanted;
  let count = 0;
  let start = at + 1;
  for (let i = 0; count <= most;) {
    const member = members[i];
    if (text[start] !== QUOTE) return count + members.length - i;
    if (member === undefined) {
      count++;
      start = endOfValue(text, endOfName(text, start)) + 1;
      continue;
    }
    const length = commonLength(text, start, wanted.text, member);
    const next = text[start + length];
    if (length === member.end - member.start && (next === COMMA || next === CLOSE_BRACE)) {
      start += length + 1;
      i++;
    } else if (length >= member.value - member.start) {
      count++;
      start = endOfValue(text, start + member.value - member.start) + 1;
      i++;
    } else {
      count++;
      const value = endOfName(text, start);
      // One of them has a member that the other has not: the one whose name comes first.
      const own = nameOf(text, start, value);
      if (compareCodePoints(own, nameOf(wanted.text, member.start, member.value)) > 0) i++;
      else start = endOfValue(text, value) + 1;
    }
  }
  return count;
}

/** How many characters are the same from `start` on as in the wanted member. */
function commonLength(text: Uint8Array, start: number, wanted: Uint8Array, member: Span): number {
  const most = member.end - member.start;
  let length = 0;
  while (
    length < most && text[start + length] === wanted[member.start + length]
  ) length++;
  return length;
}

function nameOf(text: Uint8Array, start: number, value: number): string {
  try {
    return JSON.parse(new TextDecoder().decode(text.subarray(start, value - 1)));
  } catch {
    return ""; // the text is broken
  }
}

/** Behind the name, and the colon, that begin at `start`. */
function endOfName(text: Uint8Array, start: number): number {
  return endOfString(text, start) + 1;
}

/** Where the comma or the bracket is that ends the value at `start`; the end of the text where there is none. */
export function endOfValue(text: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    switch (text[at]) {
      case QUOTE:
        at = endOfString(text, at) - 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++;
        break;
      case COMMA:
        if (depth === 0) return at;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (depth === 0) return at;
        depth--;
    }
  }
  return text.length;
}

/** Behind the string that begins at `start`. */
function endOfString(text: Uint8Array, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text[at];
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}
