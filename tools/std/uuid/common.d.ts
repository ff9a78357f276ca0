export declare function isNil(id: string): boolean;
export declare function validate(uuid: string): boolean;
export declare function version(uuid: string): number;
