import { OmniError } from "@omni/core";
import { deleteKey } from "./copying.ts";
import { statusOf } from "./errors.ts";
import { pages } from "./listing.ts";
import type { Context } from "./objects.ts";
import { isMissing } from "./reading.ts";
import { nonceOfToken, STAGE_PREFIX } from "./staging.ts";

/** What {@link GcsExtras.sweepStale} takes. */
export interface SweepOptions {
  /** Only what was staged at least so many milliseconds ago, by the store's clock. */
  readonly olderThanMs: number;
  /** Tokens of staged writes that stay, such as those of open intents. @default none */
  readonly keep?: Iterable<string> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a sweep removed. */
export interface SweepReport {
  /** Staged writes that are gone now. */
  readonly removed: number;
  /** Staged writes that stay: too young, or kept. */
  readonly kept: number;
}

/** Removes staged writes that nobody will commit. Uploads that were broken off are invisible and end by themselves within a week. */
export async function sweepStale(context: Context, { olderThanMs, keep = [], signal }: SweepOptions): Promise<SweepReport> {
  if (!Number.isFinite(olderThanMs) || olderThanMs < 0)
    throw new OmniError("INVALID_ARGUMENT", {
      operation: "sweepStale",
      reason: `olderThanMs is a number of milliseconds, 0 or more, not ${olderThanMs}`,
    });
  const root = context.key(STAGE_PREFIX);
  const limit = Date.now() - olderThanMs;
  const kept = new Set([...keep].map(nonceOfToken));
  const report = { removed: 0, kept: 0 };
  const query = { prefix: root, fields: "items(name,generation,timeCreated),nextPageToken" };
  for await (const { items = [] } of pages(context, query, signal))
    for (const { name, generation, timeCreated = "" } of items) {
      const isYoung = olderThanMs > 0 && !(Date.parse(timeCreated) <= limit);
      if (isYoung || kept.has(name.slice(root.length))) report.kept++;
      else if (await remove(context, name, generation, signal)) report.removed++;
    }
  return report;
}

async function remove(context: Context, key: string, generation: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await deleteKey(context, key, generation, signal);
    return true;
  } catch (error) {
    // Committed or discarded meanwhile.
    if (isMissing(error) || statusOf(error) === 412) return false;
    throw error;
  }
}
