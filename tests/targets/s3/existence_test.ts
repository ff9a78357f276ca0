import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Existence, type Listing, type Page } from "../../../src/targets/s3/existence.ts";
import { randomOf } from "../../support/random.ts";
import { compareKeys } from "../../support/s3_store.ts";

/** A store in memory that counts what it is asked. */
class Store implements Listing {
  readonly #uris: Set<string>;
  readonly #sorted: string[];
  readonly #pageSize: number;
  asked = 0;
  listed = 0;
  underWay = 0;
  mostUnderWay = 0;
  /** Awaited before each answer. */
  before: (signal: AbortSignal) => unknown = () => undefined;
  /** What becomes of a page. */
  answer: (page: Page) => Page | undefined = (page) => page;

  constructor(uris: Iterable<string>, pageSize = 1000) {
    this.#uris = new Set(uris);
    this.#sorted = [...this.#uris].sort(compareKeys);
    this.#pageSize = pageSize;
  }

  get requests(): number {
    return this.asked + this.listed;
  }

  add(uri: string): void {
    this.#uris.add(uri);
    this.#sorted.splice(this.#indexAfter(uri), 0, uri);
  }

  delete(uri: string): void {
    this.#uris.delete(uri);
    this.#sorted.splice(this.#sorted.indexOf(uri), 1);
  }

  truthOf(uris: readonly string[]): readonly boolean[] {
    return uris.map((uri) => this.#uris.has(uri));
  }

  exists(uri: string, { signal }: Parameters<Listing["exists"]>[1]): Promise<boolean> {
    this.asked++;
    return this.#request(signal, () => this.#uris.has(uri));
  }

  page(
    prefix: string,
    { startAfter, signal }: Parameters<Listing["page"]>[1],
  ): Promise<Page | undefined> {
    this.listed++;
    assert(/^s3:\/\/[^/]+\/(.*\/)?$/s.test(prefix), `${prefix} is no folder`);
    assert(startAfter.startsWith(prefix), `${startAfter} does not start with ${prefix}`);
    return this.#request(signal, () => {
      const isIn = (index: number): boolean => this.#sorted[index]?.startsWith(prefix) === true;
      const from = this.#indexAfter(startAfter);
      let to = from;
      while (to < from + this.#pageSize && isIn(to)) to++;
      return this.answer({ uris: this.#sorted.slice(from, to), isLast: !isIn(to) });
    });
  }

  async #request<T>(signal: AbortSignal | undefined, answer: () => T): Promise<T> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    try {
      assert(signal !== undefined);
      await this.before(signal);
      return answer();
    } finally {
      this.underWay--;
    }
  }

  #indexAfter(uri: string): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#sorted[middle]!, uri) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const random = randomOf(7);

/** The uris of outputs of one type of task. */
function outputs(count: number, family = "part"): readonly string[] {
  return Array.from({ length: count }, () => outputOf(`s3://bucket/root/${family}/`, random));
}

/** The uri of an output of which the id begins by chance. */
function outputOf(folder: string, random: () => number): string {
  const hex = (): string => Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0");
  const id = `${hex()}-5000-8000-${hex()}${hex()}`;
  return `${folder}${id.slice(0, 2)}/${id.slice(2, 4)}/${id}.json`;
}

/** All answers are right, and take no more requests than that. */
async function asks(uris: readonly string[], store: Store, most: number): Promise<void> {
  assertEquals(await new Existence(store).existsMany(uris), store.truthOf(uris));
  assert(store.requests <= most, `${store.requests} requests, more than ${most}`);
  assert(store.mostUnderWay <= 50);
}

/** The same for questions that one asker asks one after the other. */
async function asksOneByOne(uris: readonly string[], store: Store, most: number): Promise<void> {
  const existence = new Existence(store);
  const asker = {};
  const answers: boolean[] = [];
  for (const uri of uris) answers.push(...await existence.existsMany([uri], { asker }));
  assertEquals(answers, store.truthOf(uris));
  assert(store.requests <= most, `${store.requests} requests, more than ${most}`);
}

/** Rejects when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.throwIfAborted();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

const PARTS = outputs(100_000);

Deno.test("100,000 files that are there are told of by 100 pages of 1,000", async () => {
  await asks(PARTS, new Store(PARTS), 100);
});

Deno.test("100,000 files that are not there are told of by one page", async () => {
  await asks(PARTS, new Store([]), 1);
});

Deno.test("files of which some are missing take hardly more pages", async () => {
  await asks(PARTS, new Store(PARTS.filter((_, index) => index % 100 > 0)), 160);
  await asks(PARTS, new Store(PARTS.filter((_, index) => index % 2 > 0)), 100);
});

Deno.test("pages go on from one family into the next", async () => {
  const families = Array.from({ length: 500 }, (_, index) => outputs(20, `family_${index}`)).flat();
  await asks(families, new Store(families), 10);
});

Deno.test("foreign files take the pages that they fill, where these still answer enough", async () => {
  const uris = PARTS.slice(0, 20_000);
  await asks(uris, new Store([...uris, ...outputs(180_000)]), 260);
});

Deno.test("foreign files in one place are passed over", async () => {
  const uris = PARTS.slice(0, 20_000);
  for (const folder of ["00", "80/80/", "_tmp/", "zz/", "00/00/00"]) {
    const foreign = Array.from(
      { length: 100_000 },
      (_, index) => `s3://bucket/root/part/${folder}x${index}`,
    );
    await asks(uris, new Store([...uris, ...foreign]), 75);
  }
});

Deno.test("few files among very many are asked for one by one", async () => {
  const uris = PARTS.slice(0, 200);
  const store = new Store([...PARTS, ...outputs(100_000)]);
  await asks(uris, store, 200);
  assert(store.listed < 10, `${store.listed} pages`);
});

Deno.test("fewer files than make a page worth it are asked for one by one", async () => {
  const uris = PARTS.slice(0, 11);
  const store = new Store(uris);
  await asks(uris, store, 11);
  assertEquals(store.listed, 0);
});

Deno.test("folders full of files are not listed", async () => {
  const uris = PARTS.slice(0, 1000);
  const files = uris.flatMap((uri) =>
    Array.from({ length: 200 }, (_, index) => uri.replace(".json", `/${index}`))
  );
  const store = new Store([...uris, ...files]);
  await asks(uris, store, 1000);
  assert(store.listed < 10, `${store.listed} pages`);
});

Deno.test("what stands between a file and those named alike is not listed", async () => {
  const uris = Array.from("123456789abcde", (name) => `s3://bucket/root/file_${name}`);
  const between = Array.from({ length: 2000 }, (_, index) => `s3://bucket/root/file_0/${index}`);
  await asks(uris, new Store([...uris, ...between]), 1);
});

Deno.test("files are listed among others with any characters", async () => {
  const uris = PARTS.slice(0, 100);
  const others = ["\uffee", "😀"].map((name) => `s3://bucket/root/part/zz/${name}`);
  await asks(uris, new Store([...uris, ...others]), 1);
});

Deno.test("each bucket is listed for itself", async () => {
  const uris = PARTS.slice(0, 2000).map((uri, index) =>
    index % 2 === 0 ? uri : uri.replace("s3://bucket/", "s3://other/")
  );
  await asks(uris, new Store(uris), 2);
});

Deno.test("questions of one asker are answered by what was listed for those before", async () => {
  const uris = PARTS.slice(0, 2000);
  await asksOneByOne(uris, new Store([]), 100);
  await asksOneByOne(uris, new Store(uris), 150);
  const families = uris.map((uri, index) => uri.replace("/part/", `/family_${index % 50}/`));
  await asksOneByOne(families, new Store(families), 150);
});

Deno.test("pages that answer none of an asker's later questions become rare", async () => {
  const store = new Store([...PARTS, ...outputs(400_000)]);
  await asksOneByOne(PARTS.slice(0, 1000), store, 1000);
  assert(store.listed < 10, `${store.listed} pages`);
});

Deno.test("nothing is kept for another asker, or for none", async () => {
  const uris = PARTS.slice(0, 100);
  const store = new Store(uris);
  const existence = new Existence(store);
  for (const asker of [{}, {}, undefined, undefined]) await existence.existsMany(uris, { asker });
  assertEquals(store.requests, 4);
});

Deno.test("what was missing is asked for again after ten seconds, what was there after a minute", async () => {
  const uris = PARTS.slice(0, 100).toSorted();
  const store = new Store(uris.slice(50));
  let now = 0;
  const existence = new Existence(store, () => now);
  const asker = {};
  const ask = () => existence.existsMany(uris.slice(50), { asker });
  const askAll = () => existence.existsMany(uris, { asker });
  const before = await askAll();
  store.delete(uris[99]!);
  store.add(uris[0]!);
  now = 10_000;
  assertEquals(await askAll(), before);
  assertEquals(store.requests, 1);
  now = 10_001;
  assertEquals(await ask(), before.slice(50));
  assertEquals(store.requests, 1);
  const after = await askAll();
  assertEquals([after[0], after[1], after[99]], [true, false, true]);
  assertEquals(store.requests, 2);
  store.delete(uris[98]!);
  now = 70_001;
  assertEquals(await existence.existsMany(uris.slice(50, 99), { asker }), before.slice(50, 99));
  assertEquals(store.requests, 2);
  now = 70_002;
  assertEquals(await ask(), store.truthOf(uris.slice(50)));
  assertEquals(store.requests, 3);
});

Deno.test("of what was changed meanwhile the store is asked anew, of the rest it is not", async () => {
  const uris = PARTS.slice(0, 100).toSorted();
  const store = new Store(uris.slice(0, 50));
  const existence = new Existence(store, () => 0);
  const [asker, failure] = [{}, new Error("on purpose")];
  const ask = () => existence.existsMany(uris, { asker });
  await ask();
  await existence.changing(uris[75]!, async () => {
    assertEquals(await ask(), store.truthOf(uris));
    store.add(uris[75]!);
  });
  await existence.changing(uris[3]!, () => Promise.resolve(store.delete(uris[3]!)));
  const failed = existence.changing(uris[80]!, () => {
    store.add(uris[80]!);
    return Promise.reject(failure); // for the answer was lost
  });
  assertStrictEquals(await assertRejects(() => failed), failure);
  assertEquals(await ask(), store.truthOf(uris));
  assertEquals(store.requests, 2);
});

Deno.test("a page that is listed while a file changes does not tell of that file", async () => {
  const uris = PARTS.slice(0, 100).toSorted();
  const store = new Store([]);
  const existence = new Existence(store, () => 0);
  const asker = {};
  // Both were under way when the page was made, and have ended when it comes.
  store.answer = (page) => {
    store.add(uris[75]!);
    void existence.changing(uris[75]!, () => Promise.resolve());
    return page;
  };
  await existence.existsMany(uris, { asker });
  store.answer = (page) => page;
  assertEquals(await existence.existsMany(uris, { asker }), store.truthOf(uris));
});

Deno.test("of very much that was listed, the first is forgotten", async () => {
  const store = new Store(PARTS, 100);
  const existence = new Existence(store, () => 0);
  const asker = {};
  const sorted = PARTS.toSorted();
  for (let from = 0; from < 30_000; from += 100) {
    await existence.existsMany(sorted.slice(from, from + 100), { asker });
  }
  assertEquals(store.requests, 300);
  await existence.existsMany(sorted.slice(10_000, 30_000), { asker });
  assertEquals(store.requests, 300);
  await existence.existsMany(sorted.slice(0, 10_000), { asker });
  assertEquals(store.requests, 400);
});

Deno.test("where nothing may be listed all are asked for one by one", async () => {
  const uris = PARTS.slice(0, 1000);
  const store = new Store(uris);
  store.answer = () => undefined;
  const existence = new Existence(store);
  const asker = {};
  assertEquals(await existence.existsMany(uris, { asker }), store.truthOf(uris));
  assertEquals([store.listed, store.asked], [1, 1000]);
  assertEquals(await existence.existsMany(uris, { asker }), store.truthOf(uris));
  assertEquals([store.listed, store.asked], [1, 2000]);
});

Deno.test("a listing that is in no order, or begins too early, is not believed", async () => {
  const uris = PARTS.slice(0, 1000).toSorted();
  for (
    const answer of [
      ({ uris }: Page): Page => ({ uris: uris.toReversed(), isLast: true }),
      (): Page => ({ uris: uris.slice(0, 400), isLast: true }),
    ]
  ) {
    const store = new Store(uris);
    store.answer = answer;
    await asks(uris.slice(500), store, 501);
  }
});

Deno.test("a page on which there is nothing, with others after it, answers nothing", async () => {
  const uris = PARTS.slice(0, 1000);
  const store = new Store(uris);
  store.answer = () => ({ uris: [], isLast: false });
  assertEquals(await new Existence(store).existsMany(uris), store.truthOf(uris));
});

Deno.test("nothing is asked for no files, and once for one that is named twice", async () => {
  const uris = PARTS.slice(0, 5);
  const store = new Store(uris);
  await asks([], store, 0);
  await asks([...uris, ...uris, ...uris], store, 5);
});

Deno.test("as many requests as are wanted are under way at once", async () => {
  const uris = PARTS.slice(0, 5000);
  for (const foreign of [[], PARTS]) {
    const store = new Store([...uris, ...foreign], 100);
    await new Existence(store).existsMany(uris, { maxConcurrent: 7 });
    assertEquals(store.mostUnderWay, 7);
  }
});

Deno.test("when one request fails all end, and none is under way any more", async () => {
  const uris = PARTS.slice(0, 1000);
  const failure = new Error("no such bucket");
  for (const foreign of [[], PARTS]) {
    const store = new Store([...uris, ...foreign], 50);
    store.before = async (signal) => {
      if (store.requests < 9) return;
      if (store.requests === 9) throw failure;
      // Some are answered nevertheless.
      const { requests } = store;
      await aborted(signal).catch((reason) => requests % 2 === 0 || Promise.reject(reason));
    };
    const asked = new Existence(store).existsMany(uris, { maxConcurrent: 8 });
    assertStrictEquals(await assertRejects(() => asked), failure);
    assertEquals(store.underWay, 0);
    assert(store.requests <= 16, `${store.requests} requests`);
  }
});

Deno.test("a signal stops all requests, and lets none begin", async () => {
  const uris = PARTS.slice(0, 1000);
  const store = new Store(uris, 50);
  const stop = new AbortController();
  const reason = new Error("stopped");
  store.before = (signal) => {
    if (store.requests < 5) return;
    queueMicrotask(() => stop.abort(reason));
    return aborted(signal);
  };
  const { signal } = stop;
  const ask = () => new Existence(store).existsMany(uris, { signal });
  assertStrictEquals(await assertRejects(ask), reason);
  assertEquals(store.underWay, 0);
  const { requests } = store;
  assertStrictEquals(await assertRejects(ask), reason);
  assertEquals(store.requests, requests);
});

const folder = fc.constantFrom(
  "s3://bucket/",
  "s3://bucket/root/a/",
  "s3://bucket/root/b/",
  "s3://other/a/",
);
const output = fc.tuple(folder, fc.nat(0xffff)).map(([folder, seed]) =>
  outputOf(folder, randomOf(seed))
);
const oddCharacter = fc.constantFrom("/", "0", "f", " ", "!", "~", "é", "\uffee", "😀", "\n");
const oddName = fc.tuple(folder, fc.string({ unit: oddCharacter, maxLength: 4 })).map((parts) =>
  parts.join("")
);
/** How questions are asked, and of what store. */
interface Turns {
  readonly pageSize: number;
  readonly maxConcurrent: number;
  /** So many quarters of the questions are there. */
  readonly quarters: number;
  /** How many are asked at a time. */
  readonly sizes: readonly number[];
  readonly hasAsker: boolean;
  /** Of the time that answers take. */
  readonly seed: number;
}

const turns: fc.Arbitrary<Turns> = fc.record({
  pageSize: fc.integer({ min: 1, max: 60 }),
  maxConcurrent: fc.integer({ min: 1, max: 10 }),
  quarters: fc.nat(4),
  sizes: fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1 }),
  hasAsker: fc.boolean(),
  seed: fc.nat(),
});

/** Asks all, by one asker or by none; gives the number of requests. */
async function askInTurns(
  questions: readonly string[],
  foreign: readonly string[],
  { pageSize, maxConcurrent, quarters, sizes, hasAsker, seed }: Turns,
): Promise<number> {
  const existing = questions.filter((_, index) => index % 4 < quarters);
  const store = new Store([...existing, ...foreign], pageSize);
  const random = randomOf(seed);
  store.before = async () => {
    for (let left = Math.floor(4 * random()); left > 0; left--) await undefined;
  };
  const existence = new Existence(store, () => 0);
  const asker = hasAsker ? {} : undefined;
  for (let from = 0, turn = 0; from < questions.length; turn++) {
    const uris = questions.slice(from, from += sizes[turn % sizes.length]!);
    assertEquals(await existence.existsMany(uris, { maxConcurrent, asker }), store.truthOf(uris));
  }
  assert(store.mostUnderWay <= maxConcurrent);
  return store.requests;
}

Deno.test("all answers about outputs are right, and there are never more requests than questions", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(output, { minLength: 1, maxLength: 400, size: "max" }),
      fc.array(output, { maxLength: 400, size: "max" }),
      turns,
      async (questions, foreign, options) => {
        const requests = await askInTurns(questions, foreign, options);
        assert(requests <= questions.length, `${requests} for ${questions.length} questions`);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("all answers are right with any names", async () => {
  const name = fc.oneof(output, { weight: 2, arbitrary: oddName });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 300, size: "max" }),
      fc.array(name, { maxLength: 300, size: "max" }),
      turns,
      async (questions, foreign, options) => void await askInTurns(questions, foreign, options),
    ),
    { numRuns: 200 },
  );
});
