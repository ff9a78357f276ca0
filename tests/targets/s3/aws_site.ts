/**
 * What AWS's libraries find on a machine, for one test: shared files, variables, and services that lend keys.
 */

import { assertRejects } from "@std/assert";
import { ConfigError } from "../../../src/errors.ts";
import { defaultCredentials } from "../../../src/targets/s3/default_credentials.ts";
import { type Site, site, variables } from "../../config/site.ts";

/** A home folder with the files (paths begin with `home/.aws/`), and no variables of AWS but these. */
export function awsSite(
  files: Readonly<Record<string, string>> = {},
  values: Readonly<Record<string, string>> = {},
): Site {
  const others = Object.keys(Deno.env.toObject()).filter((name) => name.startsWith("AWS_"));
  const set = variables({
    ...Object.fromEntries(others.map((name) => [name, undefined])),
    AWS_EC2_METADATA_DISABLED: "true",
    ...Object.fromEntries(Object.keys(values).map((name) => [name, undefined])),
  });
  const here = site(files, values);
  return {
    ...here,
    [Symbol.dispose](): void {
      here[Symbol.dispose]();
      set[Symbol.dispose]();
    },
  };
}

/** A request as a service got it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A service on this machine. */
export interface Lender extends AsyncDisposable {
  readonly url: string;
  /** All that it was asked. */
  readonly received: readonly Received[];
}

/** Starts one that answers as told. */
export function lender(answer: (request: Received) => Response): Lender {
  const received: Received[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const { method, headers } = request;
    const one = { method, path: pathname, headers, body: await request.text() };
    received.push(one);
    return answer(one);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    received,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** What STS answers. */
export function stsAnswer(action: string, accessKeyId: string): Response {
  return new Response(
    `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>` +
      `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey>` +
      `<SessionToken>t&amp;=</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>` +
      `</Credentials></${action}Result></${action}Response>`,
    { headers: { "content-type": "text/xml" } },
  );
}

/** What a container's service and an EC2 instance answer. */
export function lentJson(accessKeyId: string): Response {
  return Response.json({
    Code: "Success",
    AccessKeyId: accessKeyId,
    SecretAccessKey: "s",
    Token: "t",
    Expiration: "2100-01-01T00:00:00Z",
  });
}

/** The access key id that there is. */
export async function found(profile?: string): Promise<string> {
  return (await defaultCredentials({ profile, region: "eu-west-1" })).accessKeyId;
}

/** The message of the error there is; nothing else may be thrown. */
export async function faultOf(profile?: string): Promise<string> {
  return (await assertRejects(() => found(profile), ConfigError)).message;
}
