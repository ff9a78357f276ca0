/** The functions of `@std/uuid/v7`. */
export declare function validate(id: string): boolean;
export declare function generate(timestamp?: number): string;
export declare function extractTimestamp(uuid: string): number;
