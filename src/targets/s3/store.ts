/**
 * All that can be done with files in S3, put together. Loaded on first use.
 *
 * @module
 */

import type {
  ConditionalFiles,
  ReadRemoteOptions,
  RemoteFile,
  RemoteOptions,
  UnfinishedWrite,
} from "../remote.ts";
import type { ExistsManyOptions, WriteContent } from "../target.ts";
import { fileAddress } from "./address.ts";
import { S3Client, type S3ClientOptions } from "./client.ts";
import { ConditionalS3Files } from "./conditions.ts";
import { Existence } from "./existence.ts";
import { removeFile, S3Files } from "./files.ts";
import { listFiles, listPage, listUploads } from "./listing.ts";
import { Reading } from "./reading.ts";
import { resolveS3Settings, type S3Settings } from "./settings.ts";
import { writeContent } from "./uploads.ts";

/** How to reach the store, and how to use it. */
export interface S3StoreOptions extends Omit<S3ClientOptions, "settings"> {
  /** Where it is, and who asks, as far as that was given. */
  readonly settings: S3Settings;
  /** How large parts are to be. */
  readonly partSize: number | undefined;
}

/** Does what `S3FileSystem` promises, where that is told, too. */
export class S3Store {
  /** Writes that are made only when nobody else was faster. */
  readonly conditional: ConditionalFiles;
  readonly #client: S3Client;
  readonly #files: S3Files;
  readonly #existence: Existence;
  readonly #partSize: number | undefined;

  /** Reads the settings; asks for nothing. Throws `ConfigError` and `PermissionError`. */
  constructor({ settings, partSize, ...options }: S3StoreOptions) {
    this.#client = new S3Client({ ...options, settings: resolveS3Settings(settings) });
    this.#partSize = partSize;
    this.#files = new S3Files(this.#client);
    const conditional = new ConditionalS3Files(this.#client);
    this.conditional = {
      read: (uri, options) => conditional.read(uri, options),
      write: (uri, ...asked) =>
        this.#existence.changing(uri, () => conditional.write(uri, ...asked)),
    };
    this.#existence = new Existence({
      exists: (uri, options) => this.exists(uri, options),
      page: (prefix, options) => listPage(this.#client, prefix, options),
    });
  }

  async exists(uri: string, options?: RemoteOptions): Promise<boolean> {
    return await this.#files.exists(fileAddress(uri), options);
  }

  existsMany(uris: readonly string[], options?: ExistsManyOptions): Promise<readonly boolean[]> {
    return this.#existence.existsMany(uris, options);
  }

  read(uri: string, options?: ReadRemoteOptions): Reading {
    return new Reading(this.#client, fileAddress(uri), options);
  }

  async write(uri: string, content: WriteContent, options?: RemoteOptions): Promise<void> {
    // Not by "...options", which leaves out what an object has from its class.
    const writing = { signal: options?.signal, partSize: this.#partSize };
    await this.#existence.changing(
      uri,
      () => writeContent(this.#client, fileAddress(uri), content, writing),
    );
  }

  async remove(uri: string, options?: RemoteOptions): Promise<void> {
    await this.#existence.changing(
      uri,
      () => removeFile(this.#client, fileAddress(uri), options),
    );
  }

  list(prefix: string, options?: RemoteOptions): AsyncIterable<RemoteFile> {
    return listFiles(this.#client, prefix, options);
  }

  listUnfinished(prefix: string, options?: RemoteOptions): AsyncIterable<UnfinishedWrite> {
    return listUploads(this.#client, prefix, options);
  }
}
