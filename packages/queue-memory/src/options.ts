import { type Clock, OmniError, systemClock } from "@omni/core";
import { checkOptionNames, type OptionNames, QUEUE_OPTION_NAMES, type QueueOptions } from "@omni/core/queue";

/** What {@link memoryQueue} takes. */
export interface MemoryQueueOptions extends QueueOptions {
  /** Most messages of a topic that its slowest group has not settled. @default 1000 */
  readonly capacity?: number | undefined;
  /** What `publish` does when the topic is full: wait for room until its deadline, or reject with QUEUE_FULL. @default "wait" */
  readonly whenFull?: "wait" | "reject" | undefined;
  /** Messages that `browse` and new groups still see after they were settled. @default the capacity */
  readonly history?: number | undefined;
  /** Milliseconds after which a delivery that is neither settled nor extended goes to another consumer. @default never */
  readonly ackDeadlineMs?: number | undefined;
  /** Milliseconds within which a second message of the same (topic, id) is dropped as a duplicate. @default 0: never */
  readonly dedupeWindowMs?: number | undefined;
}

/** Options with everything decided. */
export interface MemorySettings {
  readonly capacity: number;
  readonly whenFull: "wait" | "reject";
  readonly history: number;
  readonly ackDeadlineMs: number | undefined;
  readonly dedupeWindowMs: number;
  readonly clock: Clock;
}

const NAMES: OptionNames<MemoryQueueOptions> = {
  ...QUEUE_OPTION_NAMES,
  capacity: true,
  whenFull: true,
  history: true,
  ackDeadlineMs: true,
  dedupeWindowMs: true,
};

const MAX_COUNT = 2 ** 24;

/** @throws OmniError INVALID_ARGUMENT */
export function checkMemoryOptions(options: MemoryQueueOptions): MemorySettings {
  checkOptionNames("memoryQueue", options, NAMES);
  const capacity = count("capacity", options.capacity ?? 1000, 1);
  const whenFull = options.whenFull ?? "wait";
  if (whenFull !== "wait" && whenFull !== "reject") throw invalid("whenFull", whenFull, '"wait" or "reject"');
  return {
    capacity,
    whenFull,
    history: count("history", options.history ?? capacity, 0),
    ackDeadlineMs: options.ackDeadlineMs === undefined ? undefined : count("ackDeadlineMs", options.ackDeadlineMs, 1),
    dedupeWindowMs: count("dedupeWindowMs", options.dedupeWindowMs ?? 0, 0),
    clock: options.clock ?? systemClock,
  };
}

function count(name: string, value: unknown, least: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= MAX_COUNT) return value;
  throw invalid(name, value, `a whole number from ${least} to ${MAX_COUNT}`);
}

function invalid(name: string, value: unknown, expected: string): OmniError {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new OmniError("INVALID_ARGUMENT", { reason: `${name} is ${shown}, it has to be ${expected}` });
}
