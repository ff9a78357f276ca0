/**
 * The text of AWS's shared files `~/.aws/config` and `~/.aws/credentials`: sections, and settings in them, of which some
 * have settings of their own. Unaware of what they say.
 *
 * (Libraries for INI files take the dots in a profile's name for levels, and know nothing of indented settings.)
 *
 * @module
 */

/** The settings of a section, by their names in lower case; an indented one as `s3.endpoint_url`. */
export type AwsSettings = ReadonlyMap<string, string>;

/** The sections of a file by their headings, e.g. `default`, `profile dev`. One that comes twice is one. */
export function parseSharedFile(text: string): ReadonlyMap<string, AwsSettings> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let parent = "";
  for (const line of text.split(/\r?\n/)) {
    const content = line.replace(/(^|\s)[#;].*$/, "").trimEnd();
    const [, heading] = /^\s*\[(.*)\]$/.exec(content) ?? [];
    if (heading !== undefined) {
      const name = headingName(heading);
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
      parent = "";
      continue;
    }
    const [, indent, key = "", value = ""] = /^(\s*)([^=]+?)\s*=\s*(.*)$/.exec(content) ?? [];
    if (indent === undefined) continue;
    const name = key.toLowerCase();
    section?.set(indent !== "" && parent !== "" ? `${parent}.${name}` : name, value);
    // Those that are indented below one without a value belong to it.
    if (indent === "") parent = value === "" ? name : "";
  }
  return sections;
}

/** `profile "my dev"` is `profile my dev`. */
function headingName(heading: string): string {
  const [, kind = "", name = ""] = /^\s*(?:(profile|services)\s+)?(.*?)\s*$/.exec(heading) ?? [];
  const unquoted = name.replace(/^(["'])(.*)\1$/, "$2");
  return kind === "" ? unquoted : `${kind} ${unquoted}`;
}
