/** The functions of `@std/uuid/v5`. */
export declare function validate(id: string): boolean;
export declare function generate(namespace: string, data: Uint8Array): Promise<string>;
