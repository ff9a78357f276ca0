/** A user who has signed in to a registry service with an identity provider, for tests of what comes of that. */

import { dirname } from "@std/path";
import { writeAccessToken } from "../../src/config/credentials_change.ts";
import { credentialsPath } from "../../src/config/paths.ts";
import { Secret } from "../../src/config/secret.ts";
import { type Site, site, WORKSPACE } from "../config/site.ts";
import { IdentityProvider } from "../support/identity_provider.ts";
import { RegistryService } from "../support/registry_service.ts";

export const USER = ["local", "me@example.com"] as const;

/** Service, identity provider and home folder, for one block. */
export interface SignedIn extends AsyncDisposable {
  readonly service: RegistryService;
  readonly provider: IdentityProvider;
  readonly here: Site;
  /** Keeps a token that is good for so many seconds, and gives it. */
  keep(token: string, expiresIn: number): Promise<string>;
  /** Keeps what one signs in with. */
  writeCredentials(credentials: object): void;
}

/** A profile of that user is in use, who has credentials and no token. */
export async function signedIn(
  values: Readonly<Record<string, string>> = {},
): Promise<SignedIn> {
  await using stack = new AsyncDisposableStack();
  const service = stack.use(await RegistryService.start());
  const provider = stack.use(new IdentityProvider(service));
  const [registry, user] = USER;
  const here = stack.use(site({
    "home/.stardag/config.toml": `[registry.${registry}]\nurl = "${service.url}"\n` +
      `[profile.dev]\nregistry = "${registry}"\nuser = "${user}"\nworkspace = "${WORKSPACE}"\n` +
      `environment = "${service.environmentId}"\n[default]\nprofile = "dev"\n`,
  }, values));
  const writeCredentials = (credentials: object): void => {
    const path = credentialsPath(here.home, ...USER);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, JSON.stringify(credentials));
  };
  writeCredentials(provider.credentials);
  const all = stack.move();
  return {
    service,
    provider,
    here,
    writeCredentials,
    async keep(token, expiresIn) {
      service.tokens.add(token);
      await writeAccessToken(here.home, ...USER, WORKSPACE, {
        token: new Secret(token),
        expiresIn,
      });
      return token;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
