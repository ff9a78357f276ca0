/**
 * A module that sets where outputs are kept, with a kind of targets that no other module knows.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { isElsewhere } from "./elsewhere.ts";

/** The factory of the module; the tests use it, too. */
export function ownFactory(root: string): sd.TargetFactory {
  return new sd.TargetFactory({
    targetRoots: { default: "own://" },
    prefixToTargetPrototype: {
      "own://": (uri) => new sd.LocalTarget(`${root}/${uri.slice("own://".length)}`),
    },
  });
}

const root = Deno.env.get("STARDAG_TESTS_OWN_ROOT");
if (isElsewhere && root !== undefined) sd.targetFactoryProvider.set(ownFactory(root));

export const own = sd.namespace("stardag.tests.own_factory", import.meta.url).task({
  name: "own",
  output: z.int(),
  run: () => 1,
});
