import { type Backend, copyBetween, digestOf, MultiError, OmniError } from "@omni/core";
import type { MultiBackend, WriteOutcome } from "@omni/multi";

/** How one member came out of the whole run. */
export interface MemberReport {
  readonly member: string;
  /** Writes by how they ended at this member. */
  readonly committed: number;
  readonly failed: number;
  readonly unknown: number;
  /** Files whose digest at this member is the source's. */
  verified: number;
  /** Files that the member does not have. */
  missing: number;
  /** Files that the member has with other bytes: must be none. */
  differing: number;
}

/** What was copied, and what the copies are worth. */
export interface ReplicateReport {
  readonly files: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly members: readonly MemberReport[];
  /** Files that were refused, and why. */
  readonly rejected: readonly { readonly path: string; readonly reason: string }[];
  /** Files that fewer members hold than the guarantee says: must be none. */
  readonly short: readonly string[];
}

/** Called after each file of a phase. */
export type OnFile = (phase: "copy" | "verify", path: string) => void;

interface Copied {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Copies files to every member of a group, then reads each copy back from each member and compares it with the source by digest.
 *
 * @param source where the files are
 * @param paths the files
 * @param group where they go
 * @param concurrency files under way at once
 */
export async function replicate(
  source: Backend,
  paths: readonly string[],
  group: MultiBackend,
  onFile: OnFile,
  concurrency = 8,
): Promise<ReplicateReport> {
  const tally = new Tally(group);
  const copied: Copied[] = [];
  const start = performance.now();
  await forEachOf(paths, concurrency, async (path) => {
    try {
      const info = await copyBetween(source, path, group);
      tally.count((info as { outcomes?: readonly WriteOutcome[] }).outcomes ?? []);
      copied.push({ path, bytes: info.size });
    } catch (error) {
      if (!OmniError.is(error)) throw error;
      if (MultiError.is(error)) tally.count(error.outcomes as readonly WriteOutcome[]);
      tally.rejected.push({ path, reason: error.message });
    }
    onFile("copy", path);
  });
  const seconds = (performance.now() - start) / 1_000;
  await forEachOf(copied, concurrency, async ({ path }) => {
    await tally.verify(source, path);
    onFile("verify", path);
  });
  return { files: copied.length, bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0), seconds, ...tally.report() };
}

class Tally {
  readonly rejected: { path: string; reason: string }[] = [];
  readonly #group: MultiBackend;
  readonly #members: Map<string, { -readonly [K in keyof MemberReport]: MemberReport[K] }>;
  readonly #short: string[] = [];

  constructor(group: MultiBackend) {
    this.#group = group;
    const none = { committed: 0, failed: 0, unknown: 0, verified: 0, missing: 0, differing: 0 };
    this.#members = new Map(group.members.map(({ name }) => [name, { member: name, ...none }]));
  }

  count(outcomes: readonly WriteOutcome[]): void {
    for (const { member, state } of outcomes) {
      const report = this.#of(member);
      if (state === "committed") report.committed++;
      else if (state === "unknown") report.unknown++;
      else report.failed++;
    }
  }

  async verify(source: Backend, path: string): Promise<void> {
    const expected = await digestOf("sha256", await source.read(path));
    let holders = 0;
    for (const { name, backend } of this.#group.members) {
      const report = this.#of(name);
      try {
        if ((await digestOf("sha256", await backend.read(path))) === expected) {
          report.verified++;
          holders++;
        } else report.differing++;
      } catch (error) {
        if (!OmniError.is(error, "NOT_FOUND")) throw error;
        report.missing++;
      }
    }
    if (holders < this.#group.guarantee.needed) this.#short.push(path);
  }

  report(): Pick<ReplicateReport, "members" | "rejected" | "short"> {
    return { members: [...this.#members.values()], rejected: this.rejected, short: this.#short };
  }

  #of(member: string): { -readonly [K in keyof MemberReport]: MemberReport[K] } {
    const report = this.#members.get(member);
    if (!report) throw new Error(`an outcome names "${member}", which is no member`);
    return report;
  }
}

/** Calls for every item, so many at once; the first error ends it. */
async function forEachOf<T>(items: readonly T[], concurrency: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
