export declare const NAMESPACE_DNS: "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
export declare const NAMESPACE_URL: "6ba7b811-9dad-11d1-80b4-00c04fd430c8";
export declare const NAMESPACE_OID: "6ba7b812-9dad-11d1-80b4-00c04fd430c8";
export declare const NAMESPACE_X500: "6ba7b814-9dad-11d1-80b4-00c04fd430c8";
export declare const NIL_UUID: "00000000-0000-0000-0000-000000000000";
