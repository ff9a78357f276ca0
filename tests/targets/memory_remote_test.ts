import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { remoteFileSystemContract } from "../../src/testing/remote_contract.ts";
import { REMOTE_EXTRAS } from "../../src/testing/remote_place.ts";

remoteFileSystemContract("MemoryRemoteFileSystem", () => ({
  fileSystem: new MemoryRemoteFileSystem(),
  uri: (name) => `s3://bucket/prefix/${name}`,
  async [Symbol.asyncDispose]() {},
}), { extras: REMOTE_EXTRAS });
