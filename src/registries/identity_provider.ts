/**
 * HTTP to an identity provider: where it is asked, and the tokens that it gives. Unaware of who signs in how, and of what
 * the tokens are shown for.
 *
 * @module
 */

import { z } from "zod";
import { netFlag } from "../config/registry_url.ts";
import { Secret } from "../config/secret.ts";
import { messageOf, PermissionError, RegistryError } from "../errors.ts";

/** Where an identity provider is asked. */
export interface ProviderEndpoints {
  /** Where a browser is sent to sign somebody in. */
  readonly authorization: string;
  /** Where tokens are had. */
  readonly token: string;
}

/** What it is asked for, and by whom. */
export interface ProviderRequest {
  /** Errors begin with `Cannot` and this. */
  readonly action: string;
  /** How long an answer may take, in milliseconds. */
  readonly timeout: number;
}

/** What it gives. */
export interface ProviderTokens {
  readonly kind: "tokens";
  readonly accessToken: Secret;
  /** What the next tokens are given for. */
  readonly refreshToken: Secret | undefined;
  /** Who it is for, signed. */
  readonly idToken: Secret | undefined;
}

/** It gives none. */
export interface ProviderRefusal {
  readonly kind: "refused";
  readonly status: number;
  /** What OAuth calls the reason; `undefined` where it says none. */
  readonly code: string | undefined;
  /** What it answered, for a message. */
  readonly answer: string;
}

/** What it says under the address that is the same for all of them. Rejects with `RegistryError` and `PermissionError`. */
export async function discoverProvider(
  issuer: string,
  request: ProviderRequest,
): Promise<ProviderEndpoints> {
  const url = `${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const { status, text } = await sent(url, {}, request);
  const endpoint = z.url({ protocol: /^https?$/ });
  const found = status === 200
    ? read(text, z.object({ authorization_endpoint: endpoint, token_endpoint: endpoint }))
    : undefined;
  if (found !== undefined) {
    return { authorization: found.authorization_endpoint, token: found.token_endpoint };
  }
  const state = `answers ${status} at "${url}", and not where it signs people in`;
  throw new RegistryError(
    providerMessage(request, url, state, "Ask who runs the registry, which names it"),
    { isOutage: isOutage(status) },
  );
}

/** Asks for tokens. Rejects with `RegistryError` when there is no answer, and with `PermissionError`. */
export async function askForTokens(
  endpoint: string,
  form: Readonly<Record<string, string>>,
  request: ProviderRequest,
): Promise<ProviderTokens | ProviderRefusal> {
  const { status, text } = await sent(
    endpoint,
    { method: "POST", body: new URLSearchParams(form) },
    request,
  );
  const fail = (state: string): RegistryError =>
    new RegistryError(providerMessage(request, endpoint, state), { isOutage: isOutage(status) });
  if (isOutage(status)) throw fail(`answers ${status}`);
  if (status >= 400) {
    const code = errorCode(text);
    const answer = code === undefined ? `${status}` : `${status} "${code}"`;
    return { kind: "refused", status, code, answer };
  }
  const tokens = read(
    text,
    z.object({
      access_token: z.string(),
      refresh_token: z.string().optional(),
      id_token: z.string().optional(),
    }),
  );
  if (tokens === undefined) throw fail(`answers ${status} without a token`);
  const secret = (token: string | undefined) => token === undefined ? undefined : new Secret(token);
  return {
    kind: "tokens",
    accessToken: new Secret(tokens.access_token),
    refreshToken: secret(tokens.refresh_token),
    idToken: secret(tokens.id_token),
  };
}

/** What is wrong with an identity provider, as the message of an error. */
export function providerMessage(
  { action }: ProviderRequest,
  url: string,
  state: string,
  remedy = "Check whether it is up",
): string {
  return `Cannot ${action}: its identity provider at "${new URL(url).origin}" ${state}. ${remedy}`;
}

async function sent(
  url: string,
  init: RequestInit,
  request: ProviderRequest,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, {
      ...init,
      redirect: "manual",
      signal: AbortSignal.timeout(request.timeout),
    });
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) {
      const said = messageOf(cause).replace(/error sending request for url \(.*?\): /s, "");
      const message = providerMessage(request, url, `cannot be reached (${said})`);
      throw new RegistryError(message, { isOutage: true, cause });
    }
    const flag = netFlag(url);
    const remedy = `Run with ${flag}, which lets it give new tokens`;
    const message = providerMessage(request, url, "may not be asked", remedy);
    throw new PermissionError(message, { flag, cause });
  }
}

function isOutage(status: number): boolean {
  return status === 429 || status >= 500;
}

/** What OAuth calls the error. Nothing else of the answer is shown: it may repeat what was sent. */
function errorCode(text: string): string | undefined {
  return read(text, z.object({ error: z.string().regex(/^[a-z_]{1,40}$/) }))?.error;
}

function read<S extends z.ZodType>(text: string, schema: S): z.output<S> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
