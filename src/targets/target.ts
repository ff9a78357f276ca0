/**
 * What a target is: a place where the output of a task is, or will be. Unaware of tasks and of what the bytes mean.
 *
 * @module
 */

/** A place that holds an output or does not. A task is complete when its target exists. */
export interface Target {
  /** Names the place, e.g. `/data/get_sum/f2/3b/….json` or `s3://bucket/key`. */
  readonly uri: string;
  /** Whether the whole output is there. Never true for something half-written. */
  exists(): Promise<boolean>;
  /** Where existence can be asked for many targets at once; without it they are asked one by one. */
  readonly probe?: ExistenceProbe | undefined;
}

/** How to ask for the existence of a target together with others. */
export interface ExistenceProbe {
  /** Targets with the same store are asked together. */
  readonly store: TargetStore;
  /** What to ask the store for. */
  readonly uri: string;
}

/** A store that answers for many targets at once, in the order asked. */
export interface TargetStore {
  /** One answer for each of `uris`, in order. */
  existsMany(uris: readonly string[], options?: ExistsManyOptions): Promise<readonly boolean[]>;
}

/** Options of {@linkcode TargetStore.existsMany}. */
export interface ExistsManyOptions {
  /** How many questions may be under way at once; 50 unless told. */
  readonly maxConcurrent?: number | undefined;
  /** Stops asking. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Of whom the question is, such as a build: what was seen when it asked before may be used to answer it, so that an
   * answer is as old as its first question at most. Without it, everything is looked up now.
   */
  readonly asker?: object | undefined;
}

/** A target whose output can be loaded as a `T`. */
export interface LoadableTarget<T> extends Target {
  /** The output. Rejects with `TargetNotFoundError` when it is not there. */
  load(): Promise<T>;
}

/** A target to which a `T` can be saved. */
export interface SaveableTarget<T> extends Target {
  /** Stores the value whole or not at all; afterwards the target exists. */
  save(value: T, options?: WriteOptions): Promise<void>;
}

/** Options of what stores something. */
export interface WriteOptions {
  /**
   * Calls it off: nothing is stored, what gives the content is cancelled, and the call rejects with the reason. One that
   * can do no more about it goes on to its end, and says so. An own target need not heed it: then it goes on in any case.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What can be written to a file. */
export type WriteContent = string | Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;

/** A file: bytes that are there whole or not at all, wherever they are kept. */
export interface FileSystemTarget extends Target {
  /** The content as UTF-8 text. Rejects with `TargetNotFoundError` when the file is not there. */
  text(): Promise<string>;
  /** The content. Rejects with `TargetNotFoundError` when the file is not there. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** The content as a stream; a missing file is an error of the stream's first read. */
  readable(): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Replaces the content, whole or not at all: nothing can be seen before the last byte is written. */
  write(content: WriteContent, options?: WriteOptions): Promise<void>;
  /**
   * Hands a path on the local disk to `use`, for tools that need one. With `"r"` the content is there; with `"w"` what
   * stands there when `use` has ended becomes the content, and nothing does when it throws or it was called off.
   */
  proxyPath<R>(
    mode: "r" | "w",
    use: (path: string) => R | Promise<R>,
    options?: WriteOptions,
  ): Promise<R>;
}

/** A file that is loaded and saved as a value, through a serializer. */
export interface LoadableSaveableFileSystemTarget<T>
  extends FileSystemTarget, LoadableTarget<T>, SaveableTarget<T> {}
