import type { Backend, ListOptions } from "../backend.ts";
import { OmniError, quote } from "../error.ts";
import type { ObjectInfo } from "../object-info.ts";
import { comparePaths } from "../path.ts";
import { type SortOptions, sortOnDisk } from "./disk-sort.ts";

/** Items read ahead of each listing: one page of most stores. */
const WINDOW_ITEMS = 1_000;

/** One listing on its way into a merge. */
export interface Listing<T extends { readonly path: string } = ObjectInfo> {
  /** Iterated once. */
  readonly items: AsyncIterable<T>;
  /** Whether the items come in UTF-8 byte order of their paths; it is checked all the same. @default true */
  readonly sorted?: boolean | undefined;
  /** What errors call it. @default its number */
  readonly name?: string | undefined;
}

/** What the listings have at one path. */
export interface MergedRow<T extends { readonly path: string } = ObjectInfo> {
  readonly path: string;
  /** In the order of the listings; `undefined` where a listing has nothing at the path. At least one is there. */
  readonly entries: readonly (T | undefined)[];
}

/** How far a merge reads ahead, and where it sorts what comes unsorted. */
export interface MergeOptions extends SortOptions {
  /** Items read ahead of each listing; one that is out of order is noticed within them at the latest before they are used. @default 1000 */
  readonly windowItems?: number | undefined;
}

/**
 * A backend's listing, for a merge: `features.sortedList` says whether it is sorted.
 *
 * @throws OmniError INVALID_PATH, INVALID_ARGUMENT, BACKEND_CLOSED at once
 */
export function listingOf(backend: Backend, prefix = "", options: ListOptions = {}): Listing {
  return {
    items: backend.list(prefix, options),
    sorted: backend.features.sortedList,
    name: `${backend.driver.scheme} ${quote(prefix)}`,
  };
}

/**
 * Merges listings by path, in UTF-8 byte order and constant memory. A listing that is not sorted is sorted on disk first. One that says it is and is
 * found out is sorted from there on, as long as no row has gone out that should have come later; the window read ahead before the first row makes
 * that the usual case. A path that a listing has twice counts once, with its first entry.
 *
 * Ending the iteration, in whatever way, ends the listings and removes the temporary files.
 *
 * @param listings each iterated once
 * @throws OmniError NOT_SUPPORTED when a listing is found out too late; what a listing throws; the signal's reason
 */
export async function* mergeListings<T extends { readonly path: string } = ObjectInfo>(
  listings: readonly Listing<T>[],
  options: MergeOptions = {},
): AsyncGenerator<MergedRow<T>, void> {
  const cursors = listings.map((listing, index) => new Cursor(listing, listing.name ?? `listing ${index + 1}`, options));
  try {
    // Side by side: a merge begins after the slowest first page, not after all of them in turn.
    await Promise.all(cursors.map((cursor) => cursor.fill(undefined)));
    while (true) {
      options.signal?.throwIfAborted();
      const path = smallest(cursors);
      if (path === undefined) return;
      const entries: (T | undefined)[] = new Array(cursors.length);
      for (let i = 0; i < cursors.length; i++) {
        const cursor = cursors[i] as Cursor<T>;
        entries[i] = cursor.head?.path === path ? cursor.take() : undefined;
      }
      yield { path, entries };
      for (const cursor of cursors) if (cursor.needsMore) await cursor.fill(path);
    }
  } finally {
    await Promise.all(cursors.map((cursor) => cursor.end()));
  }
}

function smallest(cursors: readonly Cursor<{ readonly path: string }>[]): string | undefined {
  let path: string | undefined;
  for (const { head } of cursors) if (head && (path === undefined || comparePaths(head.path, path) < 0)) path = head.path;
  return path;
}

/** Where a merge stands in one listing. */
class Cursor<T extends { readonly path: string }> {
  readonly #name: string;
  readonly #options: MergeOptions;
  #items: AsyncIterator<T>;
  #spilled: boolean;
  #window: T[] = [];
  #at = 0;
  #last: string | undefined;
  #done = false;

  constructor({ items, sorted = true }: Listing<T>, name: string, options: MergeOptions) {
    this.#name = name;
    this.#options = options;
    this.#spilled = !sorted;
    this.#items = (sorted ? items : sortOnDisk(items, options))[Symbol.asyncIterator]();
  }

  get head(): T | undefined {
    return this.#window[this.#at];
  }

  get needsMore(): boolean {
    return !this.#done && this.#at === this.#window.length;
  }

  take(): T {
    return this.#window[this.#at++] as T;
  }

  /** Reads the next window. `emitted` is the last path that the merge has given. */
  async fill(emitted: string | undefined): Promise<void> {
    const windowItems = this.#options.windowItems ?? WINDOW_ITEMS;
    this.#window = [];
    this.#at = 0;
    while (this.#window.length < windowItems) {
      const step = await this.#next();
      if (step.done) return;
      const { path } = step.value;
      const order = this.#last === undefined ? 1 : comparePaths(path, this.#last);
      if (order === 0) continue;
      if (order < 0) {
        await this.#spill(step.value, emitted);
        continue;
      }
      this.#last = path;
      this.#window.push(step.value);
    }
  }

  async end(): Promise<void> {
    if (!this.#done) await this.#items.return?.();
  }

  async #next(): Promise<IteratorResult<T, unknown>> {
    try {
      const step = await this.#items.next();
      if (step.done) this.#done = true;
      return step;
    } catch (error) {
      this.#done = true;
      throw error;
    }
  }

  /** Sorts what is not used yet and all that is still to come. */
  async #spill(next: T, emitted: string | undefined): Promise<void> {
    if (this.#spilled) throw new Error(`${this.#name}: a sorted run is out of order at ${quote(next.path)}`);
    this.#spilled = true;
    const rest = chain(this.#window, next, this.#items);
    this.#items = sortOnDisk(rest, this.#options);
    this.#window = [];
    this.#last = emitted;
    const first = await this.#next();
    if (first.done) return;
    if (emitted !== undefined && comparePaths(first.value.path, emitted) <= 0)
      throw new OmniError("NOT_SUPPORTED", {
        operation: "list",
        path: first.value.path,
        reason: `the listing of ${this.#name} is not sorted: this path came after ${quote(emitted)} had been passed on; say that it is not (sortedList: false, or sorted: false)`,
      });
    this.#last = first.value.path;
    this.#window.push(first.value);
  }
}

async function* chain<T>(window: readonly T[], next: T, items: AsyncIterator<T>): AsyncGenerator<T, void> {
  let ended = false;
  try {
    yield* window;
    yield next;
    while (true) {
      const step = await items.next().catch((error) => {
        ended = true;
        throw error;
      });
      if (step.done) {
        ended = true;
        return;
      }
      yield step.value;
    }
  } finally {
    if (!ended) await items.return?.();
  }
}
