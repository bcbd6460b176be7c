import { type BreakerWord, type Clock, type Logger, OmniError } from "@omni/core";
import type { DriverPublishOptions, PublishOutcome, QueueDriver, WireMessage } from "@omni/core/queue";
import { isBrokersFault } from "./errors.ts";
import { KeyTurns, type Turn } from "./key-turns.ts";
import type { Member } from "./member.ts";
import { type CompositeOutcome, isAcked, outcomeOf } from "./outcome.ts";

/** Publishes to one member: its order per key, its deadline, its breaker, and what its word means. */
export class MemberLink {
  readonly member: Member;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #turns: KeyTurns | undefined;
  readonly #calls = new Set<MemberCall>();
  readonly #idle = new Set<() => void>();
  #lastFault: OmniError | undefined;

  constructor(member: Member, clock: Clock, logger: Logger) {
    this.member = member;
    this.#clock = clock;
    this.#logger = logger;
    this.#turns = member.features.pipelined ? undefined : new KeyTurns();
  }

  /** A publish that is about to be sent, so that its caller can give it up. */
  call(topic: string, deadline: number | undefined): MemberCall {
    return new MemberCall(this.member.topicOf(topic), deadline);
  }

  /** Publishes a batch; never rejects. One outcome per message, in order; without a promise where the broker's word is at hand. */
  send(call: MemberCall, batch: readonly WireMessage[]): Promise<readonly CompositeOutcome[]> | readonly CompositeOutcome[] {
    if (!this.member.breaker.allows()) return this.#skip(call, batch);
    const started = this.#clock.now();
    const said: (PublishOutcome | undefined)[] = [];
    if (this.#turns) return this.#wait(call, batch, said, started, this.#inTurns(this.#turns, call, batch, said));
    const words = this.#ask(call, batch);
    if (isAtHand(words)) return this.#outcomesOf(call, batch, words, started);
    const told = words.then((found) => {
      for (const word of found) said.push(word);
    });
    return this.#wait(call, batch, said, started, told);
  }

  /** Waits until the driver has said everything, as long as the member's time lasts and nobody gives up. */
  #wait(
    call: MemberCall,
    batch: readonly WireMessage[],
    said: readonly (PublishOutcome | undefined)[],
    started: number,
    told: Promise<unknown>,
  ): Promise<readonly CompositeOutcome[]> {
    const { member } = this;
    this.#calls.add(call);
    member.counters.inFlight += batch.length;
    return new Promise((resolve) => {
      let open = true;
      const finish = (): void => {
        if (!open) return;
        open = false;
        this.#clock.clearTimeout(timer);
        member.counters.inFlight -= batch.length;
        this.#calls.delete(call);
        if (this.#calls.size === 0 && this.#idle.size > 0) this.#becomeIdle();
        resolve(this.#outcomesOf(call, batch, said, started));
      };
      const over = (): void =>
        call.abort(
          new OmniError("TIMEOUT", { reason: `no word from the broker within ${member.timeoutMs} ms`, outcome: "unknown" }),
        );
      const timer = this.#clock.setTimeout(over, member.timeoutMs);
      // A driver that knows says so within this turn; only then is it given up.
      call.onGivenUp(() => setImmediate(finish));
      void told.then(finish);
    });
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#calls.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.add(resolve));
  }

  /** Gives up everything that is under way. */
  abandonAll(reason: unknown): void {
    for (const call of this.#calls) call.abort(reason);
  }

  #outcomesOf(
    call: MemberCall,
    batch: readonly WireMessage[],
    said: readonly (PublishOutcome | undefined)[],
    started: number,
  ): readonly CompositeOutcome[] {
    const { member } = this;
    const latencyMs = this.#clock.now() - started;
    const word = (place: number): PublishOutcome => said[place] ?? { state: "unknown", error: call.reason };
    const outcomes = batch.map((message, place) => outcomeOf(member, call.topic, message, word(place), latencyMs));
    this.#record(outcomes, call);
    return outcomes;
  }

  /** Fills in what the driver says of each message when it was its key's turn. */
  #inTurns(
    turns: KeyTurns,
    call: MemberCall,
    batch: readonly WireMessage[],
    said: (PublishOutcome | undefined)[],
  ): Promise<unknown> {
    return Promise.all(turns.take(call.topic, batch).map((turn) => this.#inTurn(call, turn, said)));
  }

  async #inTurn(call: MemberCall, turn: Turn, said: (PublishOutcome | undefined)[]): Promise<void> {
    // Given up counts as settled: the others of the key do not wait for a broker that never answers.
    if (turn.after) await Promise.race([turn.after, call.aborted]);
    if (call.reason === undefined) await Promise.race([this.#askFor(call, turn, said), call.abandoned()]);
    else for (const place of turn.places) said[place] = { state: "rejected", error: call.reason };
    turn.done();
  }

  async #askFor(call: MemberCall, turn: Turn, said: (PublishOutcome | undefined)[]): Promise<void> {
    const words = await this.#ask(call, turn.batch);
    for (const [i, place] of turn.places.entries()) said[place] = words[i];
  }

  /** What the driver says; never rejects. */
  #ask(call: MemberCall, batch: readonly WireMessage[]): ReturnType<QueueDriver["publish"]> {
    // By the contract of drivers nothing was handed over.
    const refused = (error: unknown): readonly PublishOutcome[] => batch.map(() => ({ state: "rejected", error }));
    try {
      const words = this.member.driver.publish(call.topic, batch, call);
      return isAtHand(words) ? complete(words, batch) : words.then((found) => complete(found, batch), refused);
    } catch (error) {
      // After what is known without asking anybody: a breaker that is open.
      return Promise.resolve(refused(error));
    }
  }

  #skip({ topic }: MemberCall, batch: readonly WireMessage[]): readonly CompositeOutcome[] {
    const { member } = this;
    member.counters.skipped += batch.length;
    const leftMs = Math.max(0, member.breaker.openUntil - this.#clock.now());
    const last = this.#lastFault ? `; the last error: ${this.#lastFault.reason}` : "";
    const reason = `nothing is sent for another ${leftMs} ms because the broker failed again and again${last}`;
    const context = { backend: member.name, operation: "publish", topic };
    const error = new OmniError("UNAVAILABLE", { ...context, reason, outcome: "not-applied", cause: this.#lastFault });
    return batch.map(() => ({ member: member.name, state: "skipped", error, latencyMs: 0, position: undefined }));
  }

  #record(outcomes: readonly CompositeOutcome[], call: MemberCall): void {
    const { member } = this;
    const before = member.breaker.state;
    for (const { state } of outcomes) {
      if (state === "acked" || state === "duplicate") member.counters.published += 1;
      if (state === "duplicate") member.counters.duplicates += 1;
      else if (state === "rejected" || state === "unknown") member.counters[state] += 1;
    }
    const fault = outcomes.find((outcome) => !isAcked(outcome) && isBrokersFault(outcome.error));
    if (fault) this.#lastFault = fault.error;
    member.breaker.record(wordOf(outcomes, fault !== undefined, call));
    const { state } = member.breaker;
    if (state === before) return;
    const details = { provider: member.driver.name, member: member.name, error: this.#lastFault?.message };
    if (state === "open") this.#logger.warn(details, "breaker opened");
    else if (state === "closed") this.#logger.info({ provider: member.driver.name, member: member.name }, "breaker closed");
  }

  #becomeIdle(): void {
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}

/** Whether there is nothing to wait for. */
export function isAtHand<T>(words: Promise<readonly T[]> | readonly T[]): words is readonly T[] {
  return Array.isArray(words);
}

/** A word on each message: on those that the driver forgot, none. */
function complete(words: readonly PublishOutcome[], batch: readonly WireMessage[]): readonly PublishOutcome[] {
  if (words.length === batch.length) return words;
  const error = new Error(`the driver gave ${words.length} outcomes for ${batch.length} messages`);
  return batch.map((_, place) => words[place] ?? { state: "unknown", error });
}

/** What a breaker makes of it. A caller that gave up says nothing of the broker. */
function wordOf(outcomes: readonly CompositeOutcome[], fault: boolean, call: MemberCall): BreakerWord {
  const givenUp = call.reason !== undefined && !OmniError.is(call.reason, "TIMEOUT");
  if (fault && !givenUp) return "failure";
  return outcomes.some(isAcked) ? "success" : "neutral";
}

/** One publish to one member, and what its driver sees as the call's options. Most end without the signal that it makes when asked for. */
export class MemberCall implements DriverPublishOptions {
  /** As the member calls it. */
  readonly topic: string;
  readonly deadline: number | undefined;
  /** Others wait for this member: it must not wait for room. */
  readonly waitForRoom = false;
  #controller: AbortController | undefined;
  #reason: unknown;
  #told: ((reason: unknown) => void)[] | undefined;
  #givenUp: (() => void) | undefined;

  constructor(topic: string, deadline: number | undefined) {
    this.topic = topic;
    this.deadline = deadline;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  onAbort(tell: (reason: unknown) => void): void {
    if (this.#reason !== undefined) tell(this.#reason);
    else if (this.#told) this.#told.push(tell);
    else this.#told = [tell];
  }

  /** Why it was given up. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Resolves when it is given up. */
  get aborted(): Promise<void> {
    const { signal } = this;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Resolves a turn after it was given up, so that a driver can still say what it knows. */
  async abandoned(): Promise<void> {
    await this.aborted;
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Tells when it is given up, or that it has been. */
  onGivenUp(tell: () => void): void {
    this.#givenUp = tell;
    if (this.#reason !== undefined) tell();
  }

  abort(reason: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason ?? new DOMException("This operation was aborted", "AbortError");
    this.#controller?.abort(this.#reason);
    for (const tell of this.#told ?? []) tell(this.#reason);
    this.#givenUp?.();
  }
}
