import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { comparePaths, type ObjectInfo, OmniError } from "@omni/core";
import { type Listing, listingOf, type MergeOptions, mergeListings, sortOnDisk } from "@omni/core/merge";
import { memory } from "@omni/memory";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";

interface Entry {
  readonly path: string;
  readonly mark: number;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-merge-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function* give<T>(items: readonly T[]): AsyncGenerator<T, void> {
  yield* items;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** The same in memory: a map, sorted at the end. */
function model(listings: readonly (readonly Entry[])[]): { path: string; entries: (Entry | undefined)[] }[] {
  const rows = new Map<string, (Entry | undefined)[]>();
  for (const [index, listing] of listings.entries())
    for (const entry of listing) {
      const row = rows.get(entry.path) ?? new Array<undefined>(listings.length).fill(undefined);
      row[index] ??= entry;
      rows.set(entry.path, row);
    }
  return [...rows].map(([path, entries]) => ({ path, entries })).sort((a, b) => comparePaths(a.path, b.path));
}

// Few characters, so that paths meet; above U+FFFF and U+E000, where UTF-16 order differs.
const paths = fc
  .array(fc.constantFrom("a", "b", "/", "ü", "\u{1f600}", "\uffee"), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""));
const entries = fc.array(fc.record({ path: paths, mark: fc.nat() }), { maxLength: 40 });

function inOrder(listing: readonly Entry[]): Entry[] {
  return [...listing].sort((a, b) => comparePaths(a.path, b.path));
}

describe("a merge of listings", () => {
  test("gives what a sort in memory gives, whatever is sorted, unsorted, spilled or cut into windows", async () => {
    const runs = propertyRuns({ name: "merge of listings" });
    const cases = fc.record({
      listings: fc.array(fc.record({ items: entries, sorted: fc.boolean() }), { minLength: 1, maxLength: 4 }),
      runItems: fc.integer({ min: 1, max: 12 }),
      windowItems: fc.integer({ min: 1, max: 50 }),
    });
    const property = fc.asyncProperty(cases, async ({ listings, runItems, windowItems }) => {
      const given = listings.map(({ items, sorted }) => ({ items: sorted ? inOrder(items) : items, sorted }));
      const options: MergeOptions = { runItems, windowItems, directory: folder };
      const rows = await all(
        mergeListings<Entry>(
          given.map(({ items, sorted }) => ({ items: give(items), sorted })),
          options,
        ),
      );
      expect(rows).toEqual(model(given.map(({ items }) => items)));
      expect(await readdir(folder)).toEqual([]);
    });
    for (const parameters of runs.parameters) await fc.assert(property, parameters);
  });

  test("a listing that claims to be sorted is either merged right or refused, never merged wrong", async () => {
    const runs = propertyRuns({ name: "merge of listings that lie" });
    const property = fc.asyncProperty(entries, entries, fc.integer({ min: 1, max: 50 }), async (a, b, windowItems) => {
      const merge = mergeListings<Entry>([{ items: give(a) }, { items: give(inOrder(b)) }], {
        windowItems,
        runItems: 7,
        directory: folder,
      });
      const outcome = await all(merge).catch((error: unknown) => error);
      if (OmniError.is(outcome, "NOT_SUPPORTED")) expect(a).not.toEqual(inOrder(a));
      else expect(outcome).toEqual(model([a, b]));
      expect(await readdir(folder)).toEqual([]);
    });
    for (const parameters of runs.parameters) await fc.assert(property, parameters);
  });

  test("notices within its window that a listing is out of order, and sorts it", async () => {
    const items = ["c", "a", "b"].map((path, mark) => ({ path, mark }));
    expect((await all(mergeListings<Entry>([{ items: give(items) }]))).map(({ path }) => path)).toEqual(["a", "b", "c"]);
  });

  test("says which listing is out of order when rows are out already, and what to do", async () => {
    const items = ["b", "c", "a"].map((path, mark) => ({ path, mark }));
    await expect(all(mergeListings<Entry>([{ items: give(items), name: "odd" }], { windowItems: 1 }))).rejects.toThrow(
      'list "a": the listing of odd is not sorted: this path came after "c" had been passed on; say that it is not (sortedList: false, or sorted: false)',
    );
  });

  test("keeps dates and metadata of what went to disk", async () => {
    const store = memory();
    const modifiedAt = new Date(1_700_000_000_123);
    for (const path of ["b", "a", "c"]) await store.write(path, path, { modifiedAt, metadata: { of: path } });
    const listed = await all(store.list());
    const backwards: Listing<ObjectInfo> = { items: give([...listed].reverse()), sorted: false };
    const rows = await all(mergeListings([backwards, listingOf(store)], { runItems: 1, directory: folder }));
    for (const {
      entries: [fromDisk, fromStore],
    } of rows)
      expect(fromDisk).toEqual(fromStore);
    expect(rows).toHaveLength(3);
  });

  test.each(["left", "aborted", "failed"])("ends its listings and removes its files when it is %s", async (how) => {
    const controller = new AbortController();
    let ended = 0;
    async function* numbers(fails: boolean): AsyncGenerator<Entry, void> {
      try {
        for (let mark = 0; mark < 100; mark++) {
          if (fails && mark === 60) throw new Error("the listing broke off");
          yield { path: String(1000 - mark), mark };
        }
      } finally {
        ended++;
      }
    }
    async function* upwards(): AsyncGenerator<Entry, void> {
      try {
        for (let mark = 0; ; mark++) yield { path: String(1000 + mark), mark };
      } finally {
        ended++;
      }
    }
    const rows = mergeListings<Entry>([{ items: numbers(how === "failed"), sorted: false }, { items: upwards() }], {
      runItems: 10,
      windowItems: 5,
      directory: folder,
      signal: controller.signal,
    });
    const run = async (): Promise<void> => {
      let seen = 0;
      for await (const row of rows) {
        expect(row.entries).toHaveLength(2);
        if (++seen !== 3) continue;
        expect(await readdir(folder)).toHaveLength(1);
        if (how === "left") break;
        controller.abort(new Error("enough"));
      }
    };
    if (how === "left") await run();
    else await expect(run()).rejects.toThrow(how === "aborted" ? "enough" : "the listing broke off");
    expect(ended).toBe(2);
    expect(await readdir(folder)).toEqual([]);
  });

  test("holds a window of each listing, not the listings", async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Entry, void> {
      for (let mark = 0; ; mark++) {
        read++;
        yield { path: String(mark).padStart(9, "0"), mark };
      }
    }
    let rows = 0;
    for await (const _row of mergeListings<Entry>([{ items: endless() }, { items: endless() }], { windowItems: 100 })) {
      rows++;
      expect(read).toBeLessThanOrEqual(2 * (rows + 100));
      if (rows === 10_000) break;
    }
    expect(rows).toBe(10_000);
  });
});

describe("a sort on disk", () => {
  test("merges in passes when there are many runs, and keeps the order of equal paths", async () => {
    const items = Array.from({ length: 1_000 }, (_, mark) => ({ path: String(mark % 7), mark }));
    const found = await all(sortOnDisk(items, { runItems: 3, directory: folder }));
    expect(found).toEqual([...items].sort((a, b) => comparePaths(a.path, b.path) || a.mark - b.mark));
    expect(await readdir(folder)).toEqual([]);
  });

  test("does not touch the disk when everything fits", async () => {
    const missing = join(folder, "missing");
    const found = await all(sortOnDisk([{ path: "b" }, { path: "a" }], { directory: missing }));
    expect(found).toEqual([{ path: "a" }, { path: "b" }]);
    await expect(all(sortOnDisk([{ path: "b" }, { path: "a" }], { directory: missing, runItems: 1 }))).rejects.toThrow("ENOENT");
    await mkdir(missing);
    expect(await all(sortOnDisk([{ path: "b" }, { path: "a" }], { directory: missing, runItems: 1 }))).toHaveLength(2);
    await rm(missing, { recursive: true });
  });

  test.each([0, 1.5, Number.NaN])("refuses runItems %p", async (runItems) => {
    await expect(all(sortOnDisk([{ path: "a" }], { runItems }))).rejects.toThrow(
      `runItems is ${runItems}; give a whole number from 1`,
    );
  });
});
