/**
 * Declarative, composable DAGs of persistently stored assets.
 *
 * A task is a typed, immutable set of parameters. Its parameters hash to an id, the id decides where its output lives,
 * and `build()` runs whatever is missing and nothing else.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const getRange = sd.task({
 *   name: "get_range",
 *   params: { limit: z.int() },
 *   output: z.array(z.int()),
 *   run: ({ limit }) => Array.from({ length: limit }, (_, i) => i),
 * });
 * const getSum = sd.task({
 *   name: "get_sum",
 *   params: { integers: sd.depends(z.array(z.int())) },
 *   output: z.int(),
 *   run: ({ integers }) => integers.reduce((a, b) => a + b, 0),
 * });
 *
 * const sumTask = getSum({ integers: getRange({ limit: 4 }) }); // nothing has run yet
 * await sd.build(sumTask);
 * console.log(await sumTask.load()); // 6
 * ```
 *
 * @module
 */

// ---- tasks: what is to be made ----
export {
  type FunctionResult,
  type FunctionTaskSpec,
  task,
  type TaskFunction,
} from "./src/tasks/define_task.ts";
export {
  AutoTask,
  type AutoTaskSpec,
  type Relpath,
  type RelpathPart,
  type Saves,
} from "./src/tasks/auto_task.ts";
export {
  BaseTask,
  type ParamsArgument,
  register,
  Task,
  type TaskClass,
  type TaskTypeSpec,
} from "./src/tasks/base_task.ts";
export {
  type Args,
  type Depends,
  depends,
  field,
  type Fields,
  type HasTask,
  type Loaded,
  type OptionalKeys,
  type OrTask,
  type ParamsIn,
  type ReservedName,
  type Shape,
  taskLoads,
  type TaskMaker,
  taskOf,
  type Unreserved,
  type Values,
  type ValuesIn,
} from "./src/tasks/fields.ts";
export type {
  ExecutionMode,
  RetryOptions,
  RunOptions,
  TaskPermissions,
} from "./src/tasks/run_policy.ts";
export type { JsonRegistryAsset, MarkdownRegistryAsset, RegistryAsset } from "./src/tasks/asset.ts";
export type { FieldOptions } from "./src/schema_codec.ts";
export type { Input, ObjectSchema, Output, Schema, SchemaOf } from "./src/schema.ts";
export {
  autoNamespace,
  type AutoNamespaceOptions,
  type Namespace,
  namespace,
} from "./src/tasks/namespace.ts";
export {
  type AnyTask,
  isTask,
  load,
  type LoadableTask,
  LoadRequest,
  type OutputTask,
  type RunContext,
  type RunResult,
  type TaskBody,
  type TaskLoads,
  type TaskStruct,
  type Yieldable,
} from "./src/tasks/task.ts";
export { flattenTaskStruct } from "./src/tasks/struct.ts";
export { checkSerializationStability, stringifyTask, taskFromJSON } from "./src/tasks/from_json.ts";
export { canonicalTask } from "./src/tasks/task_id.ts";
export { aliasTask, type AliasTaskOptions } from "./src/tasks/alias_task.ts";
export { TaskRef } from "./src/tasks/task_ref.ts";

// ---- building: what is missing is run ----
export { build, buildSequential } from "./src/builders/build.ts";
export type { BuildOptions, FailMode } from "./src/builders/build_options.ts";
export type { GlobalLockConfig } from "./src/builders/locks.ts";
export type { ConcurrencyLimits } from "./src/builders/limits.ts";
export type { OnRegistryFailure } from "./src/builders/recorder.ts";
export type { BuildProgress, Reporter, TaskEvent } from "./src/builders/reporter.ts";
export type { ReporterOutput } from "./src/reporters/reporter_output.ts";
export { consoleReporter, type ConsoleReporterOptions } from "./src/reporters/console_reporter.ts";
export {
  type BuildEventLine,
  type ErrorOfLine,
  jsonReporter,
  type JsonReporterOptions,
  type TaskOfLine,
} from "./src/reporters/json_reporter.ts";
export {
  type BuildStatus,
  BuildSummary,
  type BuildSummaryDetails,
  type TaskCount,
  type TaskResult,
} from "./src/builders/summary.ts";
export type { TaskExecutor, TaskOutcome } from "./src/executors/executor.ts";
export {
  InProcessTaskExecutor,
  type InProcessTaskExecutorOptions,
} from "./src/executors/in_process.ts";
export {
  defaultExecutionModeSelector,
  type ExecutionModeSelector,
  HybridConcurrentTaskExecutor,
  type HybridConcurrentTaskExecutorOptions,
} from "./src/executors/hybrid.ts";
export { RoutedTaskExecutor, type RoutedTaskExecutorOptions } from "./src/executors/routed.ts";
export { WorkerError, type WorkerFault } from "./src/executors/worker_error.ts";
export type { WorkerKind } from "./src/executors/worker_protocol.ts";

// ---- seeing into a DAG and what is stored of it, and clearing that away: nothing is run ----
export {
  diff,
  explain,
  gc,
  listOutputs,
  plan,
  removeOutputs,
  status,
  toDot,
  toMermaid,
  toSvg,
  tree,
} from "./src/inspect/inspect.ts";
export type { GcOptions } from "./src/inspect/gc.ts";
export type {
  Garbage,
  GarbageJson,
  GarbageType,
  KeptOutputs,
  Removal,
  RemovalJson,
  UnderWayCount,
} from "./src/inspect/garbage.ts";
export type { RemovalError, RemovedItem, RemovedKind } from "./src/inspect/removal.ts";
export type { RemoveOutputsOptions } from "./src/inspect/remove_outputs.ts";
export type { ListOutputsOptions } from "./src/inspect/list_outputs.ts";
export type {
  ListedOutput,
  ListedType,
  OutputList,
  OutputListJson,
} from "./src/inspect/outputs.ts";
export type { StateCounts, Status, StatusJson, TypeStatus } from "./src/inspect/status.ts";
export type {
  ExplainedField,
  Explanation,
  ExplanationJson,
  NearestOutput,
  ReuseReason,
} from "./src/inspect/explanation.ts";
export type { PastChange } from "./src/inspect/past_changes.ts";
export type { IndexedOutput, IndexedTask } from "./src/inspect/index_reader.ts";
export type { CheckOptions } from "./src/inspect/checks.ts";
export type { PlanOptions } from "./src/inspect/planning.ts";
export type {
  Plan,
  PlanDetails,
  PlanJson,
  PlannedTask,
  PlannedTaskJson,
  PlannedType,
  PlanReason,
} from "./src/inspect/plan.ts";
export type { ChangedTask, Diff, DiffJson, MovedTask } from "./src/inspect/diff.ts";
export type { Change } from "./src/inspect/changes.ts";
export type { Tree, TreeJson, TreeLine, TreeOptions } from "./src/inspect/tree.ts";
export type { DagState } from "./src/inspect/dag.ts";
export type { GraphDirection, GraphOptions } from "./src/inspect/graph.ts";

// ---- targets: where outputs are ----
export type {
  ExistenceProbe,
  ExistsManyOptions,
  FileSystemTarget,
  LoadableSaveableFileSystemTarget,
  LoadableTarget,
  SaveableTarget,
  Target,
  TargetStore,
  WriteContent,
  WriteOptions,
} from "./src/targets/target.ts";
export { WrappedTarget } from "./src/targets/wrapped.ts";
export {
  getDirectoryTarget,
  getTarget,
  type GetTargetOptions,
  TargetFactory,
  type TargetFactoryOptions,
  targetFactoryProvider,
} from "./src/targets/factory.ts";
export {
  type ConditionalFiles,
  type ReadRemoteOptions,
  type RemoteFile,
  type RemoteFileSystem,
  type RemoteOptions,
  RemoteTarget,
  type UnfinishedWrite,
  type VersionedContent,
} from "./src/targets/remote.ts";
export { S3FileSystem, type S3FileSystemOptions } from "./src/targets/s3/file_system.ts";
export type {
  S3Credentials,
  S3CredentialsProvider,
  S3CredentialsSource,
} from "./src/targets/s3/credentials.ts";
export type { S3Settings } from "./src/targets/s3/settings.ts";
export { s3FileSystemProvider } from "./src/targets/s3/provider.ts";
export {
  CachedRemoteFileSystem,
  type CachedRemoteFileSystemOptions,
} from "./src/targets/cached_remote.ts";
export { LocalTarget, type LocalTargetOptions } from "./src/targets/local.ts";
export { DirectoryTarget, type TargetPrototype } from "./src/targets/directory.ts";
export {
  InMemoryFileSystem,
  inMemoryFileSystemProvider,
  InMemoryFileSystemTarget,
  InMemoryStore,
  inMemoryStoreProvider,
  InMemoryTarget,
} from "./src/targets/memory.ts";

// ---- serializers: how values become files ----
export type { Serializer } from "./src/serializers/serializer.ts";
export {
  getSerializer,
  type SerializerFactory,
  serializerFactoryProvider,
} from "./src/serializers/select.ts";
export { serialized } from "./src/serializers/serialized.ts";
export { Serializable } from "./src/serializers/serializable.ts";
export { JsonSerializer } from "./src/serializers/json.ts";
export { PlainTextSerializer } from "./src/serializers/text.ts";
export { BytesSerializer } from "./src/serializers/bytes.ts";
export {
  jsonLines,
  JsonLinesSerializer,
  StreamingJsonLinesSerializer,
} from "./src/serializers/json_lines.ts";
export { csv, CsvSerializer } from "./src/serializers/csv.ts";
export { GzipSerializer } from "./src/serializers/gzip.ts";
export { StructuredCloneSerializer } from "./src/serializers/structured_clone.ts";
export {
  SelfSerializer,
  type SelfSerializing,
  type SelfSerializingClass,
} from "./src/serializers/self.ts";

// ---- registries: where people see what is built ----
export {
  type BuildStartOptions,
  NIL_BUILD_ID,
  type Recorded,
  Registry,
  type RegistryBuildStatus,
  type RegistryTaskStatus,
  type TaskMetadata,
} from "./src/registries/registry.ts";
export type { ApiClientOptions, TokenSource } from "./src/registries/api_client.ts";
export { ApiRegistry } from "./src/registries/api_registry.ts";
export { NoOpRegistry } from "./src/registries/no_op_registry.ts";
export {
  InMemoryRegistry,
  type RegisteredAsset,
  type RegisteredBuild,
  type RegisteredTask,
  type RegistryCall,
  type RegistryEvent,
  type RegistryEventType,
  type RegistryGraph,
} from "./src/registries/in_memory_registry.ts";
export type {
  AcquireLockOptions,
  GlobalConcurrencyLockManager,
  LockAcquisition,
  LockHandle,
} from "./src/registries/lock.ts";
export {
  RegistryGlobalConcurrencyLockManager,
  type RegistryGlobalConcurrencyLockManagerOptions,
} from "./src/registries/api_lock.ts";
export { FileLockManager, type FileLockManagerOptions } from "./src/registries/file_lock.ts";
export {
  aliasTaskFromRegistry,
  type AliasTaskFromRegistryOptions,
  fromRegistry,
  type FromRegistryOptions,
} from "./src/registries/from_registry.ts";
export { registryProvider } from "./src/registries/registry_provider.ts";

// ---- configuration: which registry, and where outputs are kept ----
export {
  configProvider,
  loadConfig,
  type LoadConfigOptions,
  type StardagConfig,
} from "./src/config/config.ts";
export type { ConfigContext } from "./src/config/context.ts";
export type { AccessToken } from "./src/config/credentials.ts";
export { Secret } from "./src/config/secret.ts";

// ---- what a caller may catch ----
export {
  ApiError,
  AuthorizationError,
  ConfigError,
  DependencyCycleError,
  DiscoveryError,
  EnvironmentAccessError,
  InstanceConflictError,
  InterruptedError,
  InvalidApiKeyError,
  InvalidTokenError,
  LockLostError,
  LockUnavailableError,
  MissingOutputError,
  NotAuthenticatedError,
  NotFoundError,
  PermissionError,
  RegistryError,
  SchemaError,
  SerializationError,
  StardagError,
  TargetError,
  TargetNotFoundError,
  TaskFailedError,
  TaskParameterError,
  TaskTimeoutError,
  TaskTypeError,
  TaskVersionError,
  TokenExpiredError,
} from "./src/errors.ts";
export type { Provider } from "./src/provider.ts";
