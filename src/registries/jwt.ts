/**
 * What a token says of itself, unless it is one that says nothing. Nothing of it is checked: that is for who takes it.
 *
 * @module
 */

import { isPlainObject } from "../json.ts";

/** The claims of a JWT; none of what is no JWT. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const part = token.split(".")[1] ?? "";
    const bytes = Uint8Array.fromBase64(part, { alphabet: "base64url" });
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isPlainObject(claims) ? claims : {};
  } catch {
    return {};
  }
}
