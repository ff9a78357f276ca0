/**
 * Texts that show whether they are whole: the last line is the sum of what is before it.
 */

/** Parts of a text of this many lines. */
export function partsOf(key: string, lines: number): string[] {
  const parts = Array.from({ length: lines }, (_, i) => `${key} ${i} ${"x".repeat(50)}\n`);
  return [...parts, `sum ${sumOf(parts.join(""))}\n`];
}

/** The whole text. */
export function textOf(key: string, lines: number): string {
  return partsOf(key, lines).join("");
}

/** Whether nothing is missing of a text, at its end or elsewhere. */
export function isWhole(text: string): boolean {
  const at = text.lastIndexOf("sum ");
  return at > 0 && text.slice(at) === `sum ${sumOf(text.slice(0, at))}\n`;
}

function sumOf(text: string): string {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return (sum >>> 0).toString(16);
}
