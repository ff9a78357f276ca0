/**
 * Asks over HTTP for keys that are lent for a time. Unaware of who lends them.
 *
 * @module
 */

import { netFlag } from "../../config/registry_url.ts";
import { ConfigError, messageOf, PermissionError } from "../../errors.ts";
import { Attempts } from "./retries.ts";
import { elementText } from "./xml.ts";

/** What is asked. */
export interface LendingRequest {
  /** Who it is, for messages: `STS`. */
  readonly lender: string;
  readonly url: URL;
  readonly method?: "GET" | "POST" | "PUT" | undefined;
  readonly headers?: Headers | undefined;
  readonly body?: string | undefined;
  /** What to do when it refuses. */
  readonly remedy: string;
}

/** How often to try, and for how long to wait for an answer, in milliseconds. */
const MOST_ATTEMPTS = 3;
const TIMEOUT = 5_000;
const LONGEST_DETAIL = 300;

/** What it answers. Asks again where that may help. Throws `ConfigError`, or `PermissionError` where Deno denies it. */
export async function lent(request: LendingRequest): Promise<string> {
  const { lender, url, method = "GET", headers, body, remedy } = request;
  const attempts = new Attempts({ most: MOST_ATTEMPTS });
  for (;;) {
    let reason: string;
    try {
      const response = await fetch(url, {
        method,
        redirect: "manual", // a token goes nowhere else
        signal: AbortSignal.timeout(TIMEOUT),
        ...headers !== undefined && { headers },
        ...body !== undefined && { body },
      });
      const text = await response.text();
      if (response.ok) return text;
      reason = `answers ${response.status}${saidIn(text)}`;
      if (response.status < 500 && response.status !== 429) {
        throw new ConfigError(
          `Cannot get credentials for S3: ${lender} at "${url.origin}" ${reason}. ${remedy}`,
        );
      }
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      if (error instanceof Deno.errors.NotCapable) throw unreachable(request, error);
      // The path may be as good as a key.
      reason = `cannot be reached, ${messageOf(error).replaceAll(url.href, url.origin)}`;
    }
    if (await attempts.again()) continue;
    throw new ConfigError(
      `Cannot get credentials for S3: ${lender} at "${url.origin}" ${reason}. ` +
        `Try again later; if that does not help, check that this is where it is`,
    );
  }
}

function unreachable({ lender, url }: LendingRequest, cause: Error): PermissionError {
  const flag = netFlag(url.href);
  return new PermissionError(
    `Cannot get credentials for S3: Deno may not connect to ${lender} at "${url.origin}". ` +
      `Run with ${flag}`,
    { flag, cause },
  );
}

/** Code and message of a refusal, where it has some. */
function saidIn(text: string): string {
  const code = elementText(text, "Code");
  const message = elementText(text, "Message")?.slice(0, LONGEST_DETAIL);
  return `${code === undefined ? "" : ` ${code}`}${message ? `, "${message}"` : ""}`;
}
