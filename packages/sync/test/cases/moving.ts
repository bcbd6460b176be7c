import { type Backend, type Clock, OmniError, systemClock } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { interposed } from "../trees.ts";
import { type SyncCase, t } from "./case.ts";

/** What happens to `path` just before it is read. */
function beforeReading(backend: Backend, path: string, then: () => Promise<unknown>): Backend {
  let done = false;
  return interposed(backend, {
    read: async (asked, options) => {
      if (asked === path && !done) {
        done = true;
        await then();
      }
      return backend.driver.read(asked, options);
    },
  });
}

/** A path that is cut short after its first bytes were read. */
function cutWhileRead(backend: Backend, path: string): Backend {
  let done = false;
  return interposed(backend, {
    read: async (asked, options) => {
      const opened = await backend.driver.read(asked, options);
      if (asked !== path || done) return opened;
      done = true;
      async function* body(): AsyncGenerator<Uint8Array, void> {
        for await (const chunk of opened.body) {
          yield chunk.subarray(0, 3);
          break;
        }
        await backend.write(path, "cut");
      }
      return { ...opened, body: body() };
    },
  });
}

const HOUR_MS = 3_600_000;

/** A clock by which an hour has passed when that is said, and nothing else is changed. */
function hourglass(): { readonly clock: Clock; end(): Promise<void> } {
  const ends = new Set<() => void>();
  return {
    clock: {
      now: () => systemClock.now(),
      // The set stands for the timers in it.
      setTimeout: (callback, ms) => (ms === HOUR_MS ? ends.add(callback) : systemClock.setTimeout(callback, ms)),
      clearTimeout: (timer) => (timer === ends ? ends.clear() : systemClock.clearTimeout(timer)),
    },
    end: async () => {
      for (const callback of ends) callback();
    },
  };
}

/** Moves, limits, and what changes while a run is under way. */
export const MOVING: readonly SyncCase[] = [
  {
    name: "move empties the source",
    verb: "move",
    from: { a: "1", "d/b": "2" },
    to: { c: "3" },
    after: { a: "1", "d/b": "2", c: "3" },
    left: {},
    lines: ["+ a", "+ d/b"],
    rclone: [],
  },
  {
    name: "move overwrites what is different",
    verb: "move",
    from: { a: "new!" },
    to: { a: "old" },
    after: { a: "new!" },
    left: {},
    lines: ["* a"],
    rclone: [],
  },
  {
    name: "move removes a source whose copy is there and proven",
    verb: "move",
    from: { a: "1" },
    to: { a: "1" },
    left: {},
    lines: ["= a"],
    rclone: [],
  },
  {
    name: "move does not take size and time for a proof",
    verb: "move",
    from: { a: "new" },
    to: { a: "old" },
    after: { a: "new" },
    left: {},
    lines: ["* a"],
    withoutRclone: "deletes the source, whose content is nowhere then",
  },
  {
    name: "move leaves what is excluded",
    verb: "move",
    from: { "a.txt": "1", "b.md": "2" },
    options: { filter: { exclude: ["*.md"] } },
    after: { "a.txt": "1" },
    left: { "b.md": "2" },
    rclone: ["--exclude", "*.md"],
  },
  {
    name: "move with ignoreExisting keeps the source of what was there",
    verb: "move",
    from: { a: "new!", b: "2" },
    to: { a: "old" },
    options: { ignoreExisting: true },
    after: { a: "old", b: "2" },
    left: { a: "new!" },
    rclone: ["--ignore-existing"],
  },
  {
    name: "move with update keeps the source of what is newer there",
    verb: "move",
    from: { a: "1" },
    to: { a: t("newer", 9) },
    options: { update: true },
    after: { a: "newer" },
    left: { a: "1" },
    withoutRclone: "deletes the source that it did not copy",
  },
  {
    name: "move keeps the source of a copy that failed",
    verb: "move",
    from: { a: "1", b: "2" },
    after: { b: "2" },
    left: { a: "1" },
    fails: ["PERMISSION_DENIED"],
    disturb: ({ from, to }) => ({
      from,
      to: faulty(to, [{ on: "write", when: ({ path }) => path === "a", do: "fail", error: new OmniError("PERMISSION_DENIED") }]),
    }),
  },
  {
    name: "one store: moved from prefix to prefix",
    verb: "move",
    oneStore: true,
    from: { "a/x": "1", "a/y": "2", z: "3" },
    options: { prefix: "a/", toPrefix: "b/" },
    after: { "b/x": "1", "b/y": "2", z: "3" },
    left: { "b/x": "1", "b/y": "2", z: "3" },
    rclone: [],
  },
  {
    name: "one store: moved over what is there",
    verb: "move",
    oneStore: true,
    from: { "a/x": "new!", "b/x": "old" },
    options: { prefix: "a/", toPrefix: "b/" },
    after: { "b/x": "new!" },
    left: { "b/x": "new!" },
    rclone: [],
  },
  {
    name: "one store: a move into itself is refused",
    verb: "move",
    oneStore: true,
    from: { "a/x": "1" },
    options: { prefix: "a/", toPrefix: "a/b/" },
    refused: "INVALID_ARGUMENT",
  },
  {
    name: "maxTransferBytes, cautious: nothing that would pass it is begun",
    from: { a: "12345", b: "12345", c: "12345" },
    options: { maxTransferBytes: 12, cutoff: "cautious", transfers: 1, checkers: 1 },
    after: { a: "12345", b: "12345" },
    lines: ["+ a", "+ b"],
    rclone: ["--max-transfer", "12B", "--cutoff-mode", "cautious", "--transfers", "1", "--checkers", "1"],
  },
  {
    name: "maxTransferBytes, soft: what is begun may pass it",
    from: { a: "12345", b: "12345", c: "12345", d: "12345" },
    options: { maxTransferBytes: 12, cutoff: "soft", transfers: 1, checkers: 1 },
    after: { a: "12345", b: "12345", c: "12345" },
    lines: ["+ a", "+ b", "+ c"],
    rclone: ["--max-transfer", "12B", "--cutoff-mode", "soft", "--transfers", "1", "--checkers", "1"],
  },
  {
    name: "maxTransferBytes, hard: nothing passes it",
    from: { a: "12345", b: "12345", c: "12345" },
    options: { maxTransferBytes: 10, transfers: 1, checkers: 1 },
    after: { a: "12345", b: "12345" },
    lines: ["+ a", "+ b"],
    rclone: ["--max-transfer", "10B", "--cutoff-mode", "hard", "--transfers", "1", "--checkers", "1"],
  },
  {
    name: "nothing is deleted by a run that ended early",
    from: { a: "12345", b: "12345" },
    to: { gone: "1", gone2: "2" },
    options: { maxTransferBytes: 5, maxDelete: false, transfers: 1, checkers: 1 },
    after: { a: "12345", gone: "1", gone2: "2" },
    lines: ["+ a"],
    rclone: ["--max-transfer", "5B", "--cutoff-mode", "hard", "--transfers", "1", "--checkers", "1"],
  },
  {
    name: "maxDurationMs, soft: what is under way is finished, nothing more is begun or deleted",
    from: { a: "1", b: "2", c: "3" },
    to: { gone: "4" },
    options: { maxDurationMs: HOUR_MS, cutoff: "soft", maxDelete: false, transfers: 1, checkers: 1 },
    after: { a: "1", b: "2", gone: "4" },
    lines: ["+ a", "+ b"],
    disturb: ({ from, to }) => {
      const { clock, end } = hourglass();
      return { from: beforeReading(from, "b", end), to, clock };
    },
  },
  {
    name: "maxDurationMs, hard: what is under way is broken off and named, nothing is begun or deleted",
    from: { a: "1", b: "2", c: "3" },
    to: { b: "old", gone: "4" },
    options: { maxDurationMs: HOUR_MS, maxDelete: false, transfers: 1, checkers: 1 },
    after: { a: "1", b: "old", gone: "4" },
    fails: ["TIMEOUT"],
    disturb: ({ from, to }) => {
      const { clock, end } = hourglass();
      return { from: beforeReading(from, "b", end), to, clock };
    },
  },
  {
    name: "a source that is deleted meanwhile is a failure, and nothing is deleted",
    from: { a: "1", b: "2" },
    to: { gone: "3" },
    after: { a: "1", gone: "3" },
    left: { a: "1" },
    fails: ["NOT_FOUND"],
    disturb: ({ from, to }) => ({ from: beforeReading(from, "b", () => from.delete("b")), to }),
  },
  {
    name: "a source that is truncated while it is read leaves what was there",
    from: { a: t("long enough", 5) },
    to: { a: "old" },
    after: { a: "old" },
    left: { a: "cut" },
    fails: ["PRECONDITION_FAILED"],
    disturb: ({ from, to }) => ({ from: cutWhileRead(from, "a"), to }),
  },
  {
    name: "a source that is replaced before it is read is copied as it is then",
    from: { a: "1" },
    after: { a: "replaced" },
    left: { a: "replaced" },
    disturb: ({ from, to }) => ({ from: beforeReading(from, "a", () => from.write("a", "replaced")), to }),
  },
  {
    name: "a destination that changed after it was listed is not overwritten",
    from: { a: t("source", 9) },
    to: { a: "listed" },
    after: { a: "meanwhile" },
    fails: ["PRECONDITION_FAILED"],
    disturb: ({ from, to }) => ({ from: beforeReading(from, "a", () => to.write("a", "meanwhile")), to }),
  },
  {
    name: "a destination that appeared after it was listed is not overwritten",
    from: { a: "source" },
    after: { a: "meanwhile" },
    fails: ["ALREADY_EXISTS"],
    disturb: ({ from, to }) => ({ from: beforeReading(from, "a", () => to.write("a", "meanwhile")), to }),
  },
  {
    name: "an error that passes is tried again",
    from: { a: "1", b: "2" },
    after: { a: "1", b: "2" },
    disturb: ({ from, to }) => ({
      from: faulty(from, [{ on: "read", do: "fail", times: 2 }]),
      to: faulty(to, [{ on: "write", when: ({ path }) => path === "a", do: "fail", times: 1 }]),
    }),
  },
  {
    name: "a write whose answer was lost is recognised, not reported",
    from: { a: "1" },
    after: { a: "1" },
    disturb: ({ from, to }) => ({
      from,
      to: faulty(to, [{ on: "write", do: "fail-after-commit", times: 1, when: ({ path }) => path === "a" }]),
    }),
  },
];
