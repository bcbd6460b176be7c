import { type Channel, channel } from "node:diagnostics_channel";
import type { BreakerState, WriteStamp } from "@omni/core";
import type { WriteOutcome, WritePhase } from "./outcome.ts";

/** What happens in a group, by name. */
export interface MultiEventMap {
  /** A write ended, well or not; members that are still `pending` follow as `late`. */
  readonly write: { readonly path: string; readonly outcomes: readonly WriteOutcome[]; readonly error?: unknown };
  /** A delete ended, well or not. */
  readonly delete: { readonly path: string; readonly outcomes: readonly WriteOutcome[]; readonly error?: unknown };
  /** A member held up a write that enough others could go on with: it is no longer waited for. */
  readonly laggard: { readonly path: string; readonly member: string; readonly phase: WritePhase; readonly reason: string };
  /** What became of a member that was `pending` when its write resolved. */
  readonly late: { readonly path: string; readonly outcome: WriteOutcome };
  /** Members hold less than was decided: for a repair. */
  readonly missed: MissedChange;
  /** A member's breaker changed. */
  readonly breaker: { readonly member: string; readonly state: BreakerState };
  /** A read was taken over by another member, from this byte on. */
  readonly failover: { readonly path: string; readonly from: string; readonly to: string; readonly atByte: number };
  /** A second member was asked because the first took longer than usual. */
  readonly hedge: { readonly path: string; readonly member: string; readonly afterMs: number };
  /** A quorum read found members that hold an older version, or nothing. */
  readonly stale: { readonly path: string; readonly members: readonly string[] };
  /** The repair that such a read began in the background ended; `complete` when every member holds the same now. */
  readonly heal: {
    readonly path: string;
    readonly members: readonly string[];
    readonly complete: boolean;
    readonly error?: Error | undefined;
  };
  /** A member was brought to the winning version. */
  readonly repair: RepairedMember;
}

/** A change that members missed although it was decided. */
export interface MissedChange {
  readonly operation: "write" | "delete";
  readonly path: string;
  readonly members: readonly string[];
  /** Of the write. */
  readonly stamp?: WriteStamp | undefined;
  /** No member was seen to take the write: it may never have been made. */
  readonly isUnsure?: true | undefined;
}

/** What a repair did at one member. */
export interface RepairedMember {
  readonly path: string;
  readonly member: string;
  readonly action: "write" | "delete";
  readonly bytes: number;
}

/** What `events.on` listens to. */
export type MultiEventName = keyof MultiEventMap;

/** One event, as subscribers of the diagnostics channel `omni:multi` get it. */
export type MultiEvent = { readonly [E in MultiEventName]: { readonly type: E } & MultiEventMap[E] }[MultiEventName];

/** Every event of every group in this process, by `node:diagnostics_channel`. Costs nothing while nobody subscribes. */
export const multiChannel: Channel<unknown, MultiEvent> = channel("omni:multi") as Channel<unknown, MultiEvent>;

type Listener<E extends MultiEventName> = (event: MultiEventMap[E]) => void;

/** The events of one group. */
export class MultiEvents {
  readonly #listeners: Map<MultiEventName, ReadonlySet<Listener<never>>> = new Map();

  /**
   * Calls a listener at every event of a kind, at once. What it throws is an uncaught exception: it does not reach the write or read that it hears of.
   *
   * @returns takes the listener away
   */
  on<E extends MultiEventName>(type: E, listener: Listener<E>): () => void {
    this.#listeners.set(type, new Set([...(this.#listeners.get(type) ?? []), listener]));
    return () => {
      this.#listeners.set(type, new Set([...(this.#listeners.get(type) ?? [])].filter((other) => other !== listener)));
    };
  }

  /** Calls the listeners, and tells the diagnostics channel. */
  emit<E extends MultiEventName>(type: E, event: MultiEventMap[E]): void {
    for (const listener of this.#listeners.get(type) ?? []) {
      try {
        (listener as Listener<E>)(event);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
    if (multiChannel.hasSubscribers) multiChannel.publish({ type, ...event } as unknown as MultiEvent);
  }
}
