import type { ListOptions } from "./backend.ts";
import { storageChannel, tracedList } from "./diagnostics.ts";
import { groupOf } from "./group-by-delimiter.ts";
import { ListSteps } from "./list-steps.ts";
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
  const steps = new ListSteps(core, items, prefix, signal, timeoutMs);
  try {
    while (true) {
      const step = await steps.next();
      if (step.done) return;
      const info = step.value;
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
  } finally {
    await steps.end();
  }
}
