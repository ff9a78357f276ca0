/** The functions of `@std/toml`. */
export interface StringifyOptions {
  keyAlignment?: boolean;
}
export declare function parse(tomlString: string): Record<string, unknown>;
export declare function stringify(
  obj: Record<string, unknown>,
  options?: StringifyOptions,
): string;
