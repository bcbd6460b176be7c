import { Breaker, type BreakerOptions, type BreakerState, type BreakerWord, type Clock, OmniError } from "@omni/core";
import type { MultiEvents } from "./events.ts";
import type { Member } from "./members.ts";

/** Answers from which a typical latency is taken. */
const SAMPLES = 64;
/** Milliseconds for which a member that just failed is asked last. */
const SUSPECT_MS = 1_000;
/** Errors by which a store shows that it works. */
const ANSWERS = ["NOT_FOUND", "ALREADY_EXISTS", "PRECONDITION_FAILED"] as const;
/** Errors that speak against a store: only they open its breaker. */
const FAULTS = ["UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "UNKNOWN", "BACKEND_CLOSED"] as const;

/** What is known of one member from its calls: whether it is worth asking, and how fast it answers. */
export class MemberHealth {
  readonly #name: string;
  readonly #breaker: Breaker;
  readonly #clock: Clock;
  readonly #events: MultiEvents;
  readonly #latencies: number[] = [];
  #next = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  /** Bytes of writes that it still owes after others took them. */
  lateBytes = 0;
  /** Writes that it still owes after others took them. */
  lateWrites = 0;

  constructor(name: string, breaker: BreakerOptions | false, clock: Clock, events: MultiEvents) {
    this.#name = name;
    this.#breaker = new Breaker(breaker, clock);
    this.#clock = clock;
    this.#events = events;
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
  }

  /** Whether it answers as it should: nobody waits for it in vain. */
  get isTrusted(): boolean {
    return this.#breaker.state === "closed" && this.lateWrites === 0;
  }

  /** Whether it failed a moment ago, so that others are asked before it. */
  get isSuspect(): boolean {
    return this.#clock.now() - this.#failedAt < SUSPECT_MS;
  }

  /** Whether a call may go there; who gets `true` has to {@link record} how it ended. */
  admits(): boolean {
    return this.#noting(() => this.#breaker.allows());
  }

  /** How a call ended. @param error what it threw @param latencyMs how long a read took to answer */
  record(error?: unknown, latencyMs?: number): void {
    const word = error === undefined ? "success" : wordOf(error);
    if (word === "failure") this.#failedAt = this.#clock.now();
    else if (word === "success") this.#failedAt = Number.NEGATIVE_INFINITY;
    if (latencyMs !== undefined && word === "success") {
      this.#latencies[this.#next % SAMPLES] = latencyMs;
      this.#next += 1;
    }
    this.#noting(() => this.#breaker.record(word));
  }

  /** A call that was let go before it answered: it says nothing. */
  forget(): void {
    this.#noting(() => this.#breaker.record("neutral"));
  }

  /** Milliseconds within which so many of its answers came; `undefined` before the first. @param share from 0 to 1 */
  latency(share: number): number | undefined {
    if (this.#latencies.length === 0) return undefined;
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }

  /** The error of a call that is not made. */
  refusal(operation: string, path: string): OmniError {
    const reason = `skipped: its breaker is ${this.#breaker.state} after failures in a row`;
    return new OmniError("UNAVAILABLE", { backend: this.#name, operation, path, reason, outcome: "not-applied" });
  }

  #noting<T>(work: () => T): T {
    const before = this.#breaker.state;
    const result = work();
    const { state } = this.#breaker;
    if (state !== before) this.#events.emit("breaker", { member: this.#name, state });
    return result;
  }
}

/** The health of every member of a group. */
export class Health {
  /** By name: readers may see a member through a layer. */
  readonly #of: ReadonlyMap<string, MemberHealth>;

  constructor(members: readonly Member[], breaker: BreakerOptions | false, clock: Clock, events: MultiEvents) {
    this.#of = new Map(members.map((member) => [member.name, new MemberHealth(member.name, breaker, clock, events)]));
  }

  of({ name }: Member): MemberHealth {
    return this.#of.get(name) as MemberHealth;
  }
}

function wordOf(error: unknown): BreakerWord {
  if (OmniError.is(error, ...ANSWERS)) return "success";
  return !OmniError.is(error) || OmniError.is(error, ...FAULTS) ? "failure" : "neutral";
}
