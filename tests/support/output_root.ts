/**
 * Target roots for one test: on the local disk, and remote.
 */

import * as sd from "../../mod.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";

/** A root that is in force until it is disposed. */
export interface OutputRoot extends AsyncDisposable {
  /** As a target factory gives it: with a slash at its end. */
  readonly uri: string;
}

/** A new folder. */
export async function localOutputs(): Promise<OutputRoot> {
  const folder = await Deno.makeTempDir({ prefix: "stardag-outputs-" });
  const override = inForce(new sd.TargetFactory({ targetRoots: { default: folder } }));
  return {
    uri: `${folder}/`,
    async [Symbol.asyncDispose](): Promise<void> {
      override[Symbol.dispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A place in a remote file system. */
export function remoteOutputs(
  fileSystem: sd.RemoteFileSystem = new MemoryRemoteFileSystem(),
): Promise<OutputRoot> {
  const override = inForce(
    new sd.TargetFactory({
      targetRoots: { default: "s3://bucket/prefix" },
      fileSystems: { "s3://": fileSystem },
    }),
  );
  return Promise.resolve({
    uri: "s3://bucket/prefix/",
    // deno-lint-ignore require-await -- as disposing of others is
    async [Symbol.asyncDispose](): Promise<void> {
      override[Symbol.dispose]();
    },
  });
}

function inForce(factory: sd.TargetFactory): Disposable {
  factory.getTargetRoot();
  return sd.targetFactoryProvider.override(factory);
}
