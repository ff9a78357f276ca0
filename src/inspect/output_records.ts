/**
 * What the indexes of some roots tell of tasks that have run, by their ids. Unaware of what is still there.
 *
 * @module
 */

import { hasIndex } from "../builders/output_index_writer.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { type IndexedTask, OutputIndexReader, type Segment } from "./index_reader.ts";

/** Where the line of a task is. */
interface Place {
  readonly segment: Segment;
  readonly start: number;
}

/** Of each task, how it ran last. */
export class OutputRecords {
  /** The files of the indexes. */
  readonly segments: readonly Segment[];
  readonly #places = new Map<string, Place>();

  /** See {@linkcode readRecords}. */
  constructor(segments: readonly Segment[]) {
    this.segments = segments;
    for (const segment of segments) {
      for (const start of segment.starts.toReversed()) {
        const id = segment.idAt(start);
        if (!this.#places.has(id)) this.#places.set(id, { segment, start });
      }
    }
  }

  /** All ids. */
  ids(): Iterable<string> {
    return this.#places.keys();
  }

  /** What is told of an id. */
  find(id: string): IndexedTask | undefined {
    const place = this.#places.get(id);
    return place && place.segment.taskAt(place.start);
  }

  /** The type of an id: quicker than to ask for all of it. */
  typeOf(id: string): string | undefined {
    return this.#places.get(id)?.segment.typeId;
  }
}

/** Reads the indexes of the roots. */
export async function readRecords(
  roots: Iterable<string>,
  signal?: AbortSignal,
): Promise<OutputRecords> {
  const segments: Segment[] = [];
  for (const root of roots) {
    if (!hasIndex(root)) continue;
    for await (const segment of new OutputIndexReader(root).segments()) {
      signal?.throwIfAborted();
      segments.push(segment);
    }
  }
  // The names follow time, also of those below several roots.
  const name = ({ uri }: Segment): string => uri.slice(uri.lastIndexOf("/"));
  return new OutputRecords(segments.sort((a, b) => name(a) < name(b) ? 1 : -1));
}

/** The target roots of some keys, or all that are known, each of them once. */
export function targetRoots(keys?: readonly string[]): readonly string[] {
  const factory = targetFactoryProvider.get();
  return [...new Set((keys ?? factory.targetRootKeys).map((key) => factory.getTargetRoot(key)))];
}
