import type { QueueDriverFeatures, StartPosition } from "@omni/core/queue";
import type { Member } from "./member.ts";
import type { CompositeSettings } from "./options.ts";

const DURABLE = ["none", "process", "host", "store"] as const;
const ATTEMPTS = [false, "process", "group"] as const;

/** What a group of members can do: what the weakest of those concerned can. */
export function featuresOf(
  members: readonly Member[],
  readers: readonly Member[],
  settings: CompositeSettings,
): Partial<QueueDriverFeatures> {
  const all = members.map(({ features }) => features);
  const sources = settings.fallback ? members : readers;
  const read = sources.map(({ features }) => features);
  const windows = all.flatMap(({ dedupe }) => (dedupe ? [dedupe.windowMs] : []));
  const starts: readonly StartPosition[] = ["earliest", "latest", "time"];
  return {
    // Merged, a message that only one member holds may come before an earlier one of its key that only the other does.
    ordering: readers.length === 1 ? (readers[0]?.features.ordering ?? "none") : "none",
    delivery: read.every(({ delivery }) => delivery === "at-least-once") ? "at-least-once" : "at-most-once",
    durable: DURABLE[Math.min(...all.map(({ durable }) => DURABLE.indexOf(durable)))] ?? "none",
    groups: read.every(({ groups }) => groups),
    startFrom: starts.filter((start) => read.every(({ startFrom }) => startFrom.includes(start))),
    dedupe: windows.length === all.length && { windowMs: Math.min(...windows) },
    delayedNack: read.every(({ delayedNack }) => delayedNack),
    independentNack: read.every(({ independentNack }) => independentNack),
    attempts: ATTEMPTS[Math.min(...read.map(({ attempts }) => ATTEMPTS.indexOf(attempts)))] ?? false,
    ackDeadlineMs: least(read.map(({ ackDeadlineMs }) => ackDeadlineMs)),
    // Each member has the order of its keys; under "failover" a message must not pass one that is on its way to the next member.
    pipelined: settings.strategy !== "failover",
    headers: all.every(({ headers }) => headers),
    maxBytes: tightest(members)?.features.maxBytes,
    pending: readers.length === 1 && readers[0]?.features.pending === true,
  };
}

/** The member that takes the smallest messages. */
export function tightest(members: readonly Member[]): Member | undefined {
  const limited = members.filter(({ features }) => features.maxBytes !== undefined);
  return limited.sort((a, b) => (a.features.maxBytes as number) - (b.features.maxBytes as number))[0];
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
