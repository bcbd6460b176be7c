import { type Clock, type OptionTable, systemClock } from "@omni/core";

/** Options of {@link memory}. */
export interface MemoryOptions {
  /** Largest object, in bytes; a larger one is refused with TOO_LARGE. @default no limit */
  readonly maxObjectBytes?: number | undefined;
  /** Time for modification times and deadlines. @default the machine's clock */
  readonly clock?: Clock | undefined;
}

export const OPTIONS: OptionTable<MemoryOptions> = {
  maxObjectBytes: { type: "integer", min: 1 },
  clock: { type: "object" },
};

/** The options with their defaults. */
export interface CheckedOptions {
  readonly maxObjectBytes: number;
  readonly clock: Clock;
}

export function withDefaults({ maxObjectBytes = Number.POSITIVE_INFINITY, clock = systemClock }: MemoryOptions): CheckedOptions {
  return { maxObjectBytes, clock };
}
