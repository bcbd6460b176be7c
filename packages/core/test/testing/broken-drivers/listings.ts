import { comparePaths, type ObjectInfo } from "@omni/core";
import type { BrokenDriver } from "./broken-driver.ts";

export const listings: readonly BrokenDriver[] = [
  {
    promise: "a sorted list is in byte order",
    caughtBy: ["listing: byte order, where the store sorts"],
    breakIt: (driver) => ({
      async *list(prefix, options) {
        const all: ObjectInfo[] = [];
        for await (const info of driver.list(prefix, options)) all.push(info);
        // The order of UTF-16, which JavaScript's own comparison gives.
        yield* all.sort((a, b) => (a.path < b.path ? -1 : 1));
      },
    }),
  },
  {
    promise: "a list has no end at a thousand",
    caughtBy: ["paging: every object of several pages is listed once", "paging: purge takes more than a page"],
    breakIt: (driver) => ({
      async *list(prefix, options) {
        let left = 1_000;
        for await (const info of driver.list(prefix, options)) if (left-- > 0) yield info;
      },
    }),
  },
  {
    promise: "a prefix is a plain string",
    caughtBy: ["listing: a prefix is a plain string"],
    breakIt: (driver) => ({
      list: (prefix, options) => driver.list(prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`, options),
    }),
  },
  {
    promise: "startAfter leaves out the path itself",
    caughtBy: ["listing: startAfter a path that is there", "paging: startAfter goes on from every place"],
    breakIt: (driver) => ({
      async *list(prefix, options) {
        const { startAfter, ...rest } = options;
        for await (const info of driver.list(prefix, rest))
          if (startAfter === undefined || comparePaths(info.path, startAfter) >= 0) yield info;
      },
    }),
  },
  {
    promise: "a list sees what was written before it",
    caughtBy: [
      "listing: an object is listed as soon as it is written",
      "listing: an object is not listed any more as soon as it is deleted",
    ],
    breakIt: (driver) => {
      const cache = new Map<string, ObjectInfo[]>();
      return {
        async *list(prefix, options) {
          const key = JSON.stringify([prefix, options.delimiter, options.startAfter]);
          const all = cache.get(key) ?? [];
          if (!cache.has(key)) for await (const info of driver.list(prefix, options)) all.push(info);
          cache.set(key, all);
          yield* all;
        },
      };
    },
  },
];
