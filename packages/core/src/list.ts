import type { ListOptions } from "./backend.ts";
import { storageChannel, tracedList } from "./diagnostics.ts";
import type { ObjectInfo } from "./object-info.ts";
import { comparePaths, RESERVED_PREFIX } from "./path.ts";
import type { Core } from "./runner.ts";

/** Lists what a driver has, and lets subscribers know. */
export function listObjects(core: Core, prefix: string, options: ListOptions): AsyncIterable<ObjectInfo> {
  const items = listFiltered(core, prefix, options);
  return storageChannel.hasSubscribers
    ? tracedList({ backend: core.driver.scheme, operation: "list", path: prefix }, items)
    : items;
}

/** Lists what a driver has, with what the driver leaves to core: prefix, `startAfter`, grouping, and the reserved prefix hidden. */
async function* listFiltered(core: Core, prefix: string, options: ListOptions): AsyncGenerator<ObjectInfo, void> {
  const { driver, features } = core;
  const { signal, timeoutMs, ...rest } = options;
  const { delimiter, startAfter } = rest;
  const grouped = delimiter !== undefined && !features.listDelimiter;
  // Grouping needs every path after the last one shown, and a group counts from its own name on: core skips by itself then.
  const skips = startAfter !== undefined && (grouped || !features.listStartAfter);
  const items = driver.list(features.listPrefix ? prefix : "", {
    pageSize: rest.pageSize,
    delimiter: grouped ? undefined : delimiter,
    startAfter: skips ? undefined : startAfter,
    signal,
  });
  const hides = !core.reserved && (prefix === "" || RESERVED_PREFIX.startsWith(prefix));
  const groups = grouped && !features.sortedList ? new Set<string>() : undefined;
  let lastGroup: string | undefined;
  for await (const info of stepwise(core, items, prefix, signal, timeoutMs)) {
    if (hides && info.path.startsWith(RESERVED_PREFIX)) continue;
    if (!features.listPrefix && !info.path.startsWith(prefix)) continue;
    const group = grouped ? groupOf(info.path, prefix, delimiter) : undefined;
    const path = group ?? info.path;
    if (skips && comparePaths(path, startAfter) <= 0) continue;
    if (group === undefined) yield info;
    else if (group !== lastGroup && !groups?.has(group)) {
      lastGroup = group;
      groups?.add(group);
      yield { path: group, size: 0, isDirectory: true };
    }
  }
}

function groupOf(path: string, prefix: string, delimiter: string): string | undefined {
  const end = path.indexOf(delimiter, prefix.length);
  return end === -1 ? undefined : path.slice(0, end + delimiter.length);
}

/** Takes one item at a time, each under the signal and the time limit, so that a store that stops answering is noticed. */
async function* stepwise(
  { run }: Core,
  items: AsyncIterable<ObjectInfo>,
  prefix: string,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): AsyncGenerator<ObjectInfo, void> {
  const wrap = run.wrap("list", prefix);
  const iterator = items[Symbol.asyncIterator]();
  let ended = false;
  let stuck = false;
  try {
    while (true) {
      run.checkOpen("list", prefix);
      signal?.throwIfAborted();
      const step = await nextUnder(iterator);
      if (step.done) {
        ended = true;
        return;
      }
      yield step.value;
    }
  } finally {
    // An iterator that does not answer would not answer to its end either.
    if (!ended && !stuck) await iterator.return?.();
  }

  async function nextUnder(from: AsyncIterator<ObjectInfo>): Promise<IteratorResult<ObjectInfo, unknown>> {
    const deadline = run.deadline({ signal, timeoutMs });
    if (!deadline) {
      try {
        return await from.next();
      } catch (error) {
        ended = true;
        throw wrap(error);
      }
    }
    deadline.onStop(() => {
      stuck = true;
    });
    try {
      return await deadline.race(from.next(), false, wrap);
    } catch (error) {
      ended = !stuck;
      throw error;
    } finally {
      deadline.release();
    }
  }
}
