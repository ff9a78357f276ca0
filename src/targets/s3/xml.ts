/**
 * The little of XML that S3 speaks: flat elements with text in them. Unaware of what they say.
 *
 * @module
 */

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** The text in the first element of this name; `undefined` when there is none. */
export function elementText(xml: string, name: string): string | undefined {
  const [content] = elements(xml, name);
  return content === undefined ? undefined : unescaped(content);
}

/** What stands in each element of this name, as it is. Elements of one name are not in each other. */
export function* elements(xml: string, name: string): Generator<string> {
  const end = `</${name}>`;
  let at = 0;
  for (;;) {
    const start = xml.indexOf(`<${name}`, at);
    if (start < 0) return;
    const close = xml.indexOf(">", start);
    if (close < 0) return;
    const next = xml.charAt(start + name.length + 1);
    at = close + 1;
    // One whose name only begins alike, or one with nothing in it.
    if (!/[\s>/]/.test(next)) continue;
    if (xml.charAt(close - 1) === "/") {
      yield "";
      continue;
    }
    const stop = xml.indexOf(end, at);
    if (stop < 0) return;
    yield xml.slice(at, stop);
    at = stop + end.length;
  }
}

/** Text as it may stand in an element. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function unescaped(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, entity?: string) => {
      const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
      if (entity === undefined) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      return ENTITIES[entity] ?? whole;
    },
  );
}
