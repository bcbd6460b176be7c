import { comparePaths } from "@omni/core";

// Blocks this long keep an insertion cheap (one short splice) and a walk fast; measured with 10^6 keys.
const BLOCK_KEYS = 512;

/**
 * Keys in byte order of their UTF-8. Insertion and deletion move one block of keys, never all of them, and a page of a listing is found by two
 * binary searches.
 */
export class KeyIndex {
  readonly #blocks: string[][] = [];

  /** @param keys in any order, each once */
  constructor(keys: Iterable<string>) {
    const sorted = [...keys].sort(comparePaths);
    for (let i = 0; i < sorted.length; i += BLOCK_KEYS) this.#blocks.push(sorted.slice(i, i + BLOCK_KEYS));
  }

  /** Adds a key that is not there. */
  add(key: string): void {
    const blockAt = Math.max(0, this.#blockOf(key));
    const block = this.#blocks[blockAt];
    if (!block) {
      this.#blocks.push([key]);
      return;
    }
    block.splice(
      firstAfter(block, (other) => comparePaths(other, key) < 0),
      0,
      key,
    );
    if (block.length > 2 * BLOCK_KEYS) this.#blocks.splice(blockAt + 1, 0, block.splice(BLOCK_KEYS));
  }

  /** Removes a key that is there. */
  delete(key: string): void {
    const blockAt = this.#blockOf(key);
    const block = this.#blocks[blockAt];
    if (!block) return;
    const at = firstAfter(block, (other) => comparePaths(other, key) < 0);
    if (block[at] !== key) return;
    block.splice(at, 1);
    if (block.length === 0) this.#blocks.splice(blockAt, 1);
  }

  /**
   * The keys from a place on. Not to be used after the index has changed.
   *
   * @param before whether a key lies before the place; true for the keys up to it and false for all others
   */
  *from(before: (key: string) => boolean): Generator<string, undefined> {
    // The place is in the last block that begins before it, or at the start of the next.
    let blockAt = Math.max(0, firstAfter(this.#blocks, (block) => before(block[0] as string)) - 1);
    let at = firstAfter(this.#blocks[blockAt] ?? [], before);
    for (; blockAt < this.#blocks.length; blockAt++, at = 0) {
      const block = this.#blocks[blockAt] as string[];
      for (; at < block.length; at++) yield block[at] as string;
    }
  }

  #blockOf(key: string): number {
    return firstAfter(this.#blocks, (block) => comparePaths(block[0] as string, key) <= 0) - 1;
  }
}

/** The first place in a list whose item is not `before`; all that are stand in front. */
function firstAfter<T>(list: readonly T[], before: (item: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(list[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
