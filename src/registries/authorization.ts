/**
 * Signing in with a browser, as OAuth has it for programs on somebody's machine: what the browser is sent to, and what is
 * had for the code that it comes back with. Whoever catches the code on its way has no use for it: it takes a secret that
 * does not leave this program (PKCE). Unaware of browsers.
 *
 * @module
 */

import { Secret } from "../config/secret.ts";
import { RegistryError } from "../errors.ts";
import type { SignInMethod } from "./account.ts";
import {
  askForTokens,
  discoverProvider,
  providerMessage,
  type ProviderRequest,
} from "./identity_provider.ts";
import { claimsOf } from "./jwt.ts";

const SCOPE = "openid profile email";
/** Of what cannot be guessed, in bytes. */
const RANDOM_BYTES = 32;

/** What somebody signs in with. */
export interface Authorization {
  /** Where the browser is sent. */
  readonly url: string;
  /** What it comes back with, besides the code: proof that it was sent from here. */
  readonly state: string;
  /** Where it comes back to. */
  readonly redirectUri: string;
  readonly clientId: string;
  readonly tokenEndpoint: string;
  /** What the code is good for nothing without. */
  readonly verifier: Secret;
}

/** Who has signed in, and what was given for that. */
export interface SignedIn {
  /** The mail address, or what the identity provider calls the user. */
  readonly user: string;
  readonly identity: Secret;
  /** `undefined` where one has to sign in again when the first token has ended. */
  readonly refreshToken: Secret | undefined;
}

/** Where to send a browser. Rejects with `RegistryError` and `PermissionError`. */
export async function authorize(
  { issuer, clientId }: SignInMethod,
  redirectUri: string,
  request: ProviderRequest,
): Promise<Authorization> {
  const endpoints = await discoverProvider(issuer, request);
  const state = randomText();
  const verifier = randomText();
  const url = new URL(endpoints.authorization);
  const query = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: SCOPE,
    state,
    code_challenge: base64Url(
      new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
    ),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return {
    url: url.href,
    state,
    redirectUri,
    clientId,
    tokenEndpoint: endpoints.token,
    verifier: new Secret(verifier),
  };
}

/** What is given for the code. Rejects with `RegistryError` and `PermissionError`. */
export async function redeem(
  code: Secret,
  { tokenEndpoint, redirectUri, clientId, verifier }: Authorization,
  request: ProviderRequest,
): Promise<SignedIn> {
  const given = await askForTokens(tokenEndpoint, {
    grant_type: "authorization_code",
    code: code.reveal(),
    redirect_uri: redirectUri,
    client_id: clientId,
    code_verifier: verifier.reveal(),
  }, request);
  const fail = (state: string, remedy: string): RegistryError =>
    new RegistryError(providerMessage(request, tokenEndpoint, state, remedy), { isOutage: false });
  if (given.kind === "refused") {
    throw fail(`answers ${given.answer} to the code that it has given`, "Sign in once more");
  }
  const { accessToken: identity, refreshToken, idToken } = given;
  const user = userOf(idToken) ?? userOf(identity);
  if (user !== undefined) return { user, identity, refreshToken };
  throw fail(
    "does not say who has signed in",
    "Ask who runs it for the claim email, or preferred_username",
  );
}

function userOf(token: Secret | undefined): string | undefined {
  const { email, preferred_username } = claimsOf(token?.reveal() ?? "");
  // It becomes part of the names of files, and is shown.
  return [email, preferred_username].find((each): each is string =>
    typeof each === "string" && /^[^\p{Cc}]{1,200}$/u.test(each)
  );
}

function randomText(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)));
}

function base64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
