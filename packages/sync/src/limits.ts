import { type Clock, delay, OmniError } from "@omni/core";

/** From this time of the local day on, so many bytes per second. */
export interface TimetableEntry {
  /** `HH:MM`, local time. */
  readonly at: string;
  /** @default every day */
  readonly days?: readonly ("sun" | "mon" | "tue" | "wed" | "thu" | "fri" | "sat")[] | undefined;
  /** Absent: no limit. */
  readonly bytesPerSecond?: number | undefined;
}

/** Bytes per second, always or by a timetable. */
export type Bandwidth = number | readonly TimetableEntry[];

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const WEEK_MINUTES = 7 * 24 * 60;

/** The bytes per second that hold at a moment; `undefined` = no limit. */
export function bandwidthAt(bandwidth: Bandwidth, now: Date): number | undefined {
  if (typeof bandwidth === "number") return bandwidth;
  const minute = (now.getDay() * 24 + now.getHours()) * 60 + now.getMinutes();
  let best: { readonly age: number; readonly entry: TimetableEntry } | undefined;
  for (const entry of bandwidth) {
    const [hours = 0, minutes = 0] = entry.at.split(":").map(Number);
    for (const day of entry.days ?? DAYS) {
      const start = (DAYS.indexOf(day) * 24 + hours) * 60 + minutes;
      const age = (minute - start + WEEK_MINUTES) % WEEK_MINUTES;
      if (!best || age < best.age) best = { age, entry };
    }
  }
  return best?.entry.bytesPerSecond;
}

/** @throws OmniError INVALID_ARGUMENT */
export function checkBandwidth(bandwidth: Bandwidth): void {
  const rates = typeof bandwidth === "number" ? [bandwidth] : bandwidth.map((entry) => entry.bytesPerSecond);
  for (const rate of rates)
    if (rate !== undefined && !(rate >= 1 && Number.isFinite(rate)))
      throw new OmniError("INVALID_ARGUMENT", {
        reason: `a bandwidth of ${rate} bytes per second; give 1 or more, or leave it out`,
      });
  if (typeof bandwidth === "number") return;
  for (const { at } of bandwidth)
    if (!/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(at))
      throw new OmniError("INVALID_ARGUMENT", {
        reason: `the timetable's ${JSON.stringify(at)} is no time of day; write it as "08:30"`,
      });
}

/** Lets things pass one after the other at a rate, whoever asks. Small rates work: a wait is as long as it must be, and ends when it is aborted. */
export class Pacer {
  readonly #clock: Clock;
  #free = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for its turn; the next one's is `costMs` later. */
  async turn(costMs: number, signal: AbortSignal | undefined): Promise<void> {
    const now = this.#clock.now();
    const mine = Math.max(now, this.#free);
    this.#free = mine + costMs;
    if (mine > now) await delay(mine - now, this.#clock, signal);
  }
}

/** Passes bytes on at the bandwidth that holds, in slices small enough to keep them flowing. */
export class Throttle {
  readonly #bandwidth: Bandwidth | undefined;
  readonly #clock: Clock;
  readonly #pacer: Pacer;

  constructor(bandwidth: Bandwidth | undefined, clock: Clock) {
    this.#bandwidth = bandwidth;
    this.#clock = clock;
    this.#pacer = new Pacer(clock);
  }

  async *pass(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
    if (this.#bandwidth === undefined) {
      yield* source;
      return;
    }
    for await (const chunk of source) {
      for (let at = 0; at < chunk.byteLength; ) {
        const rate = bandwidthAt(this.#bandwidth, new Date(this.#clock.now()));
        // A quarter of a second at most, so that a changed timetable or an abort is soon obeyed.
        const slice = chunk.subarray(at, rate === undefined ? undefined : at + Math.max(1, Math.ceil(rate / 4)));
        if (rate !== undefined) await this.#pacer.turn((slice.byteLength / rate) * 1_000, signal);
        at += slice.byteLength;
        yield slice;
      }
    }
  }
}
