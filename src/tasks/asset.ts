/**
 * What a task may show of its output in the registry: a report to read, figures as JSON. Unaware of where it is kept.
 *
 * @module
 */

/** What is shown beside a task in the registry. */
export type RegistryAsset = MarkdownRegistryAsset | JsonRegistryAsset;

/** A text to read. */
export interface MarkdownRegistryAsset {
  /** Tells it from the other kinds. */
  readonly type: "markdown";
  /** Name of the asset, one of its kind per task; uploading it again replaces it. */
  readonly name: string;
  /** The text, in Markdown. */
  readonly body: string;
}

/** Data as JSON. */
export interface JsonRegistryAsset {
  /** Tells it from the other kinds. */
  readonly type: "json";
  /** Name of the asset, one of its kind per task; uploading it again replaces it. */
  readonly name: string;
  /** An object of whatever JSON can hold. */
  readonly body: Readonly<Record<string, unknown>>;
}
