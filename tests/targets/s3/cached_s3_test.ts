import { CachedRemoteFileSystem } from "../../../src/targets/cached_remote.ts";
import { S3FileSystem } from "../../../src/targets/s3/file_system.ts";
import { remoteFileSystemContract } from "../../../src/testing/remote_contract.ts";
import { REMOTE_EXTRAS } from "../../../src/testing/remote_place.ts";
import { startS3Server } from "../../support/s3_server.ts";

remoteFileSystemContract("S3FileSystem with local copies", async () => {
  const [server, root] = [await startS3Server(), await Deno.makeTempDir()];
  const { url: endpoint, region, credentials } = server;
  const fileSystem = new S3FileSystem({ endpoint, region, credentials });
  return {
    fileSystem: new CachedRemoteFileSystem({ fileSystem, root }),
    uri: (name) => `s3://bucket/prefix/${name}`,
    async [Symbol.asyncDispose](): Promise<void> {
      await server[Symbol.asyncDispose]();
      await Deno.remove(root, { recursive: true });
    },
  };
}, { extras: REMOTE_EXTRAS });
