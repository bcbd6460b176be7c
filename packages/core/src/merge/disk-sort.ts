import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { comparePaths } from "../path.ts";

/** Items that are sorted in memory at once. */
const RUN_ITEMS = 20_000;
/** Runs that are merged at once: each holds a file descriptor and one read buffer. */
const FAN_IN = 64;
const READ_BUFFER = 64 * 1024;

/** How much is held in memory, and where the rest goes. */
export interface SortOptions {
  /** Items sorted in memory at once; what does not fit goes to disk. @default 20000 */
  readonly runItems?: number | undefined;
  /** Folder for the temporary files; a folder of its own is made in it and removed at the end. @default the system's */
  readonly directory?: string | undefined;
  /** Ends the sort; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sorts by path in UTF-8 byte order, in bounded memory: runs of `runItems` are sorted and written to temporary files, at most 64 of which are
 * merged at once. Stable: of equal paths the earlier comes first. What fits in one run never touches the disk. The files are gone when the
 * iteration ends, in whatever way.
 *
 * @param items anything that structured cloning can carry
 * @throws the signal's reason; what the source or the file system throws
 */
export async function* sortOnDisk<T extends { readonly path: string }>(
  items: AsyncIterable<T> | Iterable<T>,
  options: SortOptions = {},
): AsyncGenerator<T, void> {
  const runItems = options.runItems ?? RUN_ITEMS;
  if (!Number.isSafeInteger(runItems) || runItems < 1) throw new RangeError(`runItems is ${runItems}; give a whole number from 1`);
  const folder = new RunFolder(options.directory ?? tmpdir());
  try {
    const rest: T[] = [];
    let runs: string[] = [];
    for await (const item of items) {
      options.signal?.throwIfAborted();
      rest.push(item);
      if (rest.length < runItems) continue;
      runs.push(await folder.write(sorted(rest)));
      rest.length = 0;
    }
    sorted(rest);
    while (runs.length > FAN_IN) runs = await mergePass(folder, runs, options.signal);
    yield* mergeRuns<T>([...runs.map((run) => folder.read<T>(run)), rest], options.signal);
  } finally {
    await folder.remove();
  }
}

function sorted<T extends { readonly path: string }>(items: T[]): T[] {
  return items.sort((a, b) => comparePaths(a.path, b.path));
}

/** Merges neighbouring runs, so that equal paths keep their order. */
async function mergePass(folder: RunFolder, runs: readonly string[], signal: AbortSignal | undefined): Promise<string[]> {
  const merged: string[] = [];
  for (let i = 0; i < runs.length; i += FAN_IN) {
    const group = runs.slice(i, i + FAN_IN);
    merged.push(
      await folder.write(
        mergeRuns(
          group.map((run) => folder.read<{ path: string }>(run)),
          signal,
        ),
      ),
    );
    await Promise.all(group.map((run) => rm(run, { force: true })));
  }
  return merged;
}

interface Head<T> {
  readonly items: AsyncIterator<T> | Iterator<T>;
  readonly order: number;
  item: T;
}

async function* mergeRuns<T extends { readonly path: string }>(
  runs: readonly (AsyncIterable<T> | Iterable<T>)[],
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  const heads: Head<T>[] = [];
  const opened = runs.map((run) => (Symbol.asyncIterator in run ? run[Symbol.asyncIterator]() : run[Symbol.iterator]()));
  try {
    for (const [order, items] of opened.entries()) {
      const step = await items.next();
      if (!step.done) insert(heads, { items, order, item: step.value });
    }
    for (let head = heads.pop(); head; head = heads.pop()) {
      signal?.throwIfAborted();
      yield head.item;
      const step = await head.items.next();
      if (step.done) continue;
      head.item = step.value;
      insert(heads, head);
    }
  } finally {
    for (const items of opened) await items.return?.();
  }
}

/** Keeps the heads sorted downwards, so that the next one is popped from the end. */
function insert<T extends { readonly path: string }>(heads: Head<T>[], head: Head<T>): void {
  let low = 0;
  let high = heads.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = heads[middle] as Head<T>;
    if ((comparePaths(other.item.path, head.item.path) || other.order - head.order) > 0) low = middle + 1;
    else high = middle;
  }
  heads.splice(low, 0, head);
}

/** The temporary files of one sort: length-prefixed records. */
class RunFolder {
  readonly #parent: string;
  #path: string | undefined;
  #count = 0;

  constructor(parent: string) {
    this.#parent = parent;
  }

  async write(items: Iterable<unknown> | AsyncIterable<unknown>): Promise<string> {
    this.#path ??= await mkdtemp(join(this.#parent, "omni-sort-"));
    const file = join(this.#path, `${this.#count++}.run`);
    const stream = createWriteStream(file, { flags: "wx", mode: 0o600 });
    // An error between two writes is kept by `once` and by `finished` below; without a listener it would end the process.
    const failed = new Promise<never>((_, reject) => void stream.once("error", reject));
    failed.catch(() => {});
    try {
      for await (const item of items) {
        const record = serialize(item);
        const length = Buffer.allocUnsafe(4);
        length.writeUInt32LE(record.byteLength);
        stream.write(length);
        if (!stream.write(record)) await Promise.race([once(stream, "drain"), failed]);
      }
      const closed = once(stream, "close");
      stream.end();
      await Promise.race([closed, failed]);
      return file;
    } finally {
      stream.destroy();
    }
  }

  async *read<T>(file: string): AsyncGenerator<T, void> {
    const stream = createReadStream(file, { highWaterMark: READ_BUFFER });
    let rest: Buffer = Buffer.alloc(0);
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const data = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
        let at = 0;
        while (data.byteLength - at >= 4) {
          const end = at + 4 + data.readUInt32LE(at);
          if (end > data.byteLength) break;
          yield deserialize(data.subarray(at + 4, end)) as T;
          at = end;
        }
        rest = data.subarray(at);
      }
      if (rest.byteLength > 0) throw new Error(`${file}: the temporary file is cut off; is the disk full?`);
    } finally {
      stream.destroy();
    }
  }

  async remove(): Promise<void> {
    if (this.#path !== undefined) await rm(this.#path, { recursive: true, force: true });
  }
}
