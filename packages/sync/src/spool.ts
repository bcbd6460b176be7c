import { createReadStream } from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Items that wait in memory before they go to disk. */
const MEMORY_ITEMS = 10_000;

/** A list that is written once and then read, in bounded memory: what does not fit waits in a temporary file, as JSON. */
export class Spool<T> {
  #memory: T[] = [];
  #file: FileHandle | undefined;
  #folder: string | undefined;
  #tail: Promise<void> = Promise.resolve();
  length = 0;

  /** Resolves when more may come. */
  push(item: T): Promise<void> {
    this.length++;
    if (this.#memory.push(item) >= MEMORY_ITEMS) this.#tail = this.#tail.then(() => this.#flush());
    return this.#tail;
  }

  /** Everything pushed so far, in order. May be iterated again. */
  async *items(): AsyncGenerator<T, void> {
    await this.#tail;
    if (this.#folder !== undefined) {
      await this.#flush();
      const input = createReadStream(join(this.#folder, "items"));
      try {
        for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) yield JSON.parse(line) as T;
      } finally {
        input.destroy();
      }
    } else yield* this.#memory;
  }

  /** Holds other items instead. */
  async replace(items: AsyncIterable<T>): Promise<void> {
    await this.remove();
    this.length = 0;
    for await (const item of items) await this.push(item);
  }

  async remove(): Promise<void> {
    await this.#tail;
    await this.#file?.close();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
    this.#file = undefined;
    this.#folder = undefined;
    this.#memory = [];
  }

  async #flush(): Promise<void> {
    const items = this.#memory;
    this.#memory = [];
    if (items.length === 0) return;
    this.#folder ??= await mkdtemp(join(tmpdir(), "omni-spool-"));
    this.#file ??= await open(join(this.#folder, "items"), "wx", 0o600);
    await this.#file.write(items.map((item) => `${JSON.stringify(item)}\n`).join(""));
  }
}
