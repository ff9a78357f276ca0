/**
 * For tests of what is built with or for this package: conformance suites for each contract, an executor whose tasks end
 * when the test says so, and a remote file system in memory.
 *
 * @module
 */

export { ControlledExecutor } from "./controlled_executor.ts";
export { executorContract, type ExecutorContractOptions } from "./executor_contract.ts";
export { targetContract, type TargetPlace } from "./target_contract.ts";
export { MemoryRemoteFileSystem } from "../targets/memory_remote.ts";
export { type RemoteContractOptions, remoteFileSystemContract } from "./remote_contract.ts";
export { REMOTE_EXTRAS, type RemoteExtra, type RemotePlace } from "./remote_place.ts";
export { serializerContract, type SerializerContractOptions } from "./serializer_contract.ts";
export {
  registryContract,
  type RegistryContractOptions,
  type RegistryLook,
} from "./registry_contract.ts";
export { lockContract, type LockContractOptions, type LockPlace } from "./lock_contract.ts";
