import type { OmniError } from "../error.ts";
import type { DriverCall, Operation } from "./driver-calls.ts";

/** When a fault strikes. All conditions given must hold. */
export interface FaultTrigger {
  /** The operations that it strikes. */
  readonly on: Operation | readonly Operation[];
  /** Strikes only at calls for which this is true, for instance of one path. @default all */
  readonly when?: ((call: DriverCall) => boolean) | undefined;
  /** Strikes at this call of those that match, counted from 1, and those after it. @default 1 */
  readonly nth?: number | undefined;
  /** How often it strikes. @default for ever */
  readonly times?: number | undefined;
  /** The same as `times: 1`. @default false */
  readonly once?: boolean | undefined;
}

/** What a fault does. Where it says "body": of `read`, `write` and `stage`. */
export type FaultAction =
  /** Fails without asking the driver; with `atByte` the body breaks off there; with `atEntry` the listing does. */
  | ({ readonly do: "fail" } & At & WithError)
  /** Waits `delayMs` of the fault plan's clock first; with `atByte` or `atEntry` there. */
  | ({ readonly do: "delay"; readonly delayMs: number } & At)
  /** Does not go on until `release()`, or the call is aborted; with `atByte` or `atEntry` there. */
  | ({ readonly do: "hang" } & At)
  /** The body ends early, and nobody says so; a listing ends early. */
  | ({ readonly do: "truncate" } & At)
  /** The chunk at `atByte` comes twice, or the entry at `atEntry`. */
  | ({ readonly do: "duplicate" } & At)
  /** The chunk at `atByte` changes places with the next, or the entry at `atEntry`. */
  | ({ readonly do: "reorder" } & At)
  /** The driver does it all, and the caller is told that it failed. */
  | ({ readonly do: "fail-after-commit" } & WithError)
  /** The caller is told that it failed; the driver does it at `flush()`. A body is taken whole before. */
  | ({ readonly do: "apply-late" } & WithError)
  /** The driver does it twice: now and again at once, or with `again: "late"` at `flush()`. The caller gets the first answer. */
  | { readonly do: "apply-twice"; readonly again?: "now" | "late" | undefined };

interface At {
  /** Offset in the body; the chunk that holds it is cut there where that matters. @default the start */
  readonly atByte?: number | undefined;
  /** Place in the listing, from 0. @default the first entry */
  readonly atEntry?: number | undefined;
}

interface WithError {
  /** What the caller is told. @default UNAVAILABLE, not applied; after a commit or before a late one: TIMEOUT, outcome unknown */
  readonly error?: Error | (() => Error) | undefined;
}

/** One fault of a plan. */
export type Fault = FaultTrigger & FaultAction;

/** What a fault did. */
export interface FaultRecord {
  readonly fault: Fault;
  readonly operation: Operation;
  readonly path: string | undefined;
  /** `struck`; later perhaps `released` (a hang) or `applied` (a late or second effect). */
  readonly event: "struck" | "released" | "applied";
  /** Why a late or second effect was refused by the driver. */
  readonly error?: unknown;
}

/** The strings of the puppets. */
export interface FaultControl {
  /** What happened, in order. */
  readonly log: readonly FaultRecord[];
  /** Adds a fault. */
  add(fault: Fault): void;
  /** Takes every fault away; what hangs or is late stays so. */
  clear(): void;
  /** Resolves when faults have struck so often in all, from the start. */
  struck(times?: number): Promise<void>;
  /** How many calls hang now. */
  readonly hanging: number;
  /** Lets everything go on that hangs. */
  release(): void;
  /** How many effects wait for `flush()`. */
  readonly late: number;
  /**
   * Lets late effects happen, oldest first, each after the one before it settled.
   *
   * @param most how many @default all
   * @returns what the driver said to each
   */
  flush(most?: number): Promise<readonly PromiseSettledResult<unknown>[]>;
}

/** The faults of a plan and how often each matched and struck. */
export class FaultPlan {
  #rules: { readonly fault: Fault; matched: number; struck: number }[];

  constructor(faults: readonly Fault[]) {
    this.#rules = faults.map((fault) => ({ fault, matched: 0, struck: 0 }));
  }

  add(fault: Fault): void {
    this.#rules.push({ fault, matched: 0, struck: 0 });
  }

  clear(): void {
    this.#rules = [];
  }

  /** The first fault that strikes this call; every rule that matches counts the call. */
  strike(call: DriverCall): Fault | undefined {
    let striking: Fault | undefined;
    for (const rule of this.#rules) {
      const { on, when, nth = 1, once, times = once ? 1 : Number.POSITIVE_INFINITY } = rule.fault;
      if (!(typeof on === "string" ? on === call.operation : on.includes(call.operation)) || (when && !when(call))) continue;
      rule.matched += 1;
      if (striking || rule.matched < nth || rule.struck >= times) continue;
      rule.struck += 1;
      striking = rule.fault;
    }
    return striking;
  }
}

/** The error that a fault tells the caller. */
export function errorOf(fault: Fault & WithError, make: () => OmniError): Error {
  return typeof fault.error === "function" ? fault.error() : (fault.error ?? make());
}
