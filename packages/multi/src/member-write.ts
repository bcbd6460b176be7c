import type { Clock, DriverBody, Lane, ObjectInfo, StagedWrite, WriteOptions } from "@omni/core";
import { backoffMs, delay, OmniError } from "@omni/core";
import type { Member } from "./members.ts";
import { asError, isNotApplied, type WriteOutcome, type WritePhase } from "./outcome.ts";
import { type Base, compareVersions, conditionsOver, lookAt } from "./versions.ts";

/** How firmly a member holds a write before it is committed: the weakest commits first. */
const FIRMNESS = { none: 0, held: 1, process: 2, durable: 3 } as const;
type Staging = keyof typeof FIRMNESS;
/** A commit over a network fails sooner than one on this machine: among equals it goes first. */
const REACH = { store: 0, host: 1, process: 2 } as const;

/** How long a commit waits that others come before again and again. */
const BETWEEN_COMMITS = { baseMs: 5, maxMs: 200 } as const;

/** One member's part in a write: staged, then committed or discarded. It knows at every time how it stands. */
export class MemberWrite {
  readonly member: Member;
  readonly staging: Staging;
  info: ObjectInfo | undefined;
  readonly #path: string;
  readonly #options: WriteOptions;
  readonly #controller = new AbortController();
  #lane: Lane | undefined;
  #whole: Uint8Array | undefined;
  #staged: StagedWrite | undefined;
  #state: WriteOutcome["state"] | "staging" | "staged" | "committing" = "staging";
  #decided = false;
  #superseded = false;
  #phase: WritePhase = "open";
  #error: Error | undefined;

  /**
   * @param options the group's options, cut to what this member keeps
   * @param held whether a whole body stays here until the decision
   */
  constructor(member: Member, path: string, options: WriteOptions, held: boolean) {
    this.member = member;
    this.#path = path;
    this.#options = options;
    this.staging = held ? "held" : member.backend.features.stagedWrite;
  }

  /** Weakest first. */
  static byFirmness(a: MemberWrite, b: MemberWrite): number {
    const reach = ({ member }: MemberWrite): number => REACH[member.backend.features.durable];
    return FIRMNESS[a.staging] - FIRMNESS[b.staging] || reach(a) - reach(b);
  }

  get isStaged(): boolean {
    return this.#state === "staged";
  }

  get isCommitted(): boolean {
    return this.#state === "committed";
  }

  /** The bytes at the store, to be committed by the journal. */
  get staged(): StagedWrite | undefined {
    return this.#state === "staged" ? this.#staged : undefined;
  }

  /** Nothing more will become of it. */
  get isSettled(): boolean {
    return !["staging", "staged", "committing"].includes(this.#state);
  }

  /** It can still come to hold the object, or does. */
  get isPossible(): boolean {
    return !["failed", "unknown", "discarded"].includes(this.#state);
  }

  get outcome(): WriteOutcome {
    const { isSettled } = this;
    const state = isSettled ? (this.#state as WriteOutcome["state"]) : this.#decided ? "pending" : "discarded";
    const bytes = this.#lane?.bytes ?? (state === "committed" || state === "unknown" ? (this.#whole?.byteLength ?? 0) : 0);
    return {
      member: this.member.name,
      state,
      phase: this.#phase,
      bytes,
      ...(this.#superseded ? { superseded: true } : {}),
      ...(this.#error && isSettled ? { error: this.#error } : {}),
    };
  }

  /** From now on it is `pending` until it is settled. */
  decide(): void {
    this.#decided = true;
  }

  /** Leaves the member out. */
  skip(error: Error): void {
    this.#error = error;
    this.#state = "failed";
  }

  /** A whole body: nothing is asked of the store before the decision. */
  hold(whole: Uint8Array): void {
    this.#whole = whole;
    this.#phase = "stage";
    this.#state = "staged";
  }

  /**
   * Takes the bytes to the store, invisible; never rejects. A member without staging (best effort only) writes at once.
   *
   * @param base what the member held: a store that cannot stage takes the condition of its commit now
   */
  async stage(body: DriverBody, lane: Lane | undefined, watch: Watch, base?: Promise<Base>): Promise<void> {
    this.#lane = lane;
    if (body instanceof Uint8Array) this.#whole = body;
    const direct = this.staging === "none";
    const work = this.#begin(body, base);
    const end = watch.over(this, lane);
    try {
      const result = await work;
      if (direct) {
        this.info = result as ObjectInfo;
        this.#phase = "write";
        this.#state = "committed";
      } else {
        this.#staged = result as StagedWrite;
        this.#phase = "stage";
        if (this.#state === "staging") this.#state = "staged";
        else await this.#withdraw();
      }
    } catch (error) {
      if (this.#state !== "staging") return;
      this.#phase = direct ? "write" : (lane?.bytes ?? 0) > 0 ? "stage" : "open";
      this.#error = asError(error);
      this.#state = direct && !isNotApplied(error) ? "unknown" : "failed";
      lane?.drop(error);
    } finally {
      end();
    }
  }

  async #begin(body: DriverBody, base: Promise<Base> | undefined): Promise<ObjectInfo | StagedWrite> {
    const { backend } = this.member;
    const options = { ...this.#options, signal: this.#controller.signal };
    if (this.staging === "none") return backend.write(this.#path, body, options);
    if (this.staging !== "held" || !base) return backend.stage(this.#path, body, options);
    return backend.stage(this.#path, body, { ...options, ...conditionsOver(this.member, await base) });
  }

  /** Puts a member out that owes an answer; it is not waited for. */
  giveUp(error: Error): void {
    if (this.#state !== "staging") return;
    const direct = this.staging === "none";
    this.#phase = direct ? "write" : (this.#lane?.bytes ?? 0) > 0 ? "stage" : "open";
    this.#state = direct ? "unknown" : "failed";
    this.#error = error;
    this.#lane?.drop(error);
    this.#controller.abort(error);
  }

  /** Publishes; never rejects. */
  async commit(timeoutMs: number): Promise<void> {
    this.#phase = "commit";
    const { backend } = this.member;
    try {
      this.info = this.#staged
        ? await this.#staged.commit({ timeoutMs })
        : await backend.write(this.#path, this.#whole as Uint8Array, { ...this.#options, timeoutMs });
      this.#state = "committed";
    } catch (error) {
      this.#error = asError(error);
      this.#state = isNotApplied(error) ? "failed" : "unknown";
      if (this.#state === "unknown") await this.#look(timeoutMs);
    }
  }

  /**
   * Publishes over an older version and never over a newer one; never rejects. A newer one that is there already is as good: this write is
   * superseded.
   *
   * @param base what the member held when the version of this write was chosen
   */
  async commitOver(base: Promise<Base>, timeoutMs: number, clock: Clock): Promise<void> {
    this.#state = "committing";
    this.#phase = "commit";
    const deadline = clock.now() + timeoutMs;
    try {
      let found = await base.catch(() => lookAt(this.member, this.#path, timeoutMs));
      for (let attempt = 1; !this.#isAsNew(found); attempt++) {
        const refusal = await this.#publishOver(found, timeoutMs);
        if (!refusal) return;
        found = await lookAt(this.member, this.#path, timeoutMs);
        // A stream that is held was written under one condition and cannot be written again.
        const isSpent = this.#staged && this.staging === "held";
        if (!this.#isAsNew(found) && (isSpent || clock.now() >= deadline)) throw refusal;
        // Who lost often waits a moment, so that all get through.
        if (attempt > 3) await delay(backoffMs(attempt - 3, BETWEEN_COMMITS), clock);
      }
      await this.#settleOn(found as ObjectInfo, timeoutMs);
    } catch (error) {
      this.#error = asError(error);
      if (isNotApplied(error)) this.#state = "failed";
      else {
        await this.#look(timeoutMs);
        if (this.#state === "committing") this.#state = "unknown";
      }
    }
  }

  /** The member holds this write or a newer one. */
  #isAsNew(found: Base): boolean {
    const { stamp } = this.#options;
    return found !== undefined && stamp !== undefined && compareVersions(found.stamp, stamp) >= 0;
  }

  /** Publishes if the member still holds what it held; gives the refusal if it does not. */
  async #publishOver(base: Base, timeoutMs: number): Promise<OmniError | undefined> {
    const options = { ...conditionsOver(this.member, base), timeoutMs };
    try {
      this.info = this.#staged
        ? await this.#staged.commit(this.staging === "held" ? { timeoutMs } : options)
        : await this.member.backend.write(this.#path, this.#whole as Uint8Array, { ...this.#options, ...options });
      this.#state = "committed";
      return undefined;
    } catch (error) {
      if (OmniError.is(error, "PRECONDITION_FAILED", "ALREADY_EXISTS")) return error;
      throw error;
    }
  }

  /** The member holds this write, or a newer one. */
  async #settleOn(found: ObjectInfo, timeoutMs: number): Promise<void> {
    this.#superseded = found.stamp?.id !== this.#options.stamp?.id;
    this.info = found;
    this.#state = "committed";
    if (this.#superseded) await this.#withdraw(timeoutMs);
  }

  /** Withdraws; never rejects. What could not be withdrawn stays invisible, for the store's sweep. */
  async discard(reason: Error, timeoutMs: number): Promise<void> {
    if (this.#state !== "staging" && this.#state !== "staged") return;
    const wasStaged = this.#state === "staged";
    this.#state = "discarded";
    if (wasStaged) return this.#withdraw(timeoutMs);
    this.#lane?.drop(reason);
    this.#controller.abort(reason);
  }

  async #withdraw(timeoutMs?: number): Promise<void> {
    try {
      await this.#staged?.discard({ timeoutMs });
    } catch (error) {
      this.#error = asError(error);
    }
  }

  /** An answer got lost: the object itself tells by its write id whether the commit took effect. That it does not yet show proves nothing. */
  async #look(timeoutMs: number): Promise<void> {
    const id = this.#options.stamp?.id;
    if (id === undefined) return;
    try {
      const found = await this.member.backend.stat(this.#path, { timeoutMs });
      const isNewer = this.#state === "committing" && compareVersions(found.stamp, this.#options.stamp) > 0;
      if (found.stamp?.id !== id && !isNewer) return;
      this.#superseded = isNewer;
      this.info = found;
      this.#state = "committed";
      this.#error = undefined;
    } catch (error) {
      // The member still does not answer, so its state stays unknown, with the first error as the reason.
      if (!OmniError.is(error)) throw error;
    }
  }
}

/** Notices members that owe an answer: they do not wait for the source, and nothing moves. */
export class Watch {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onOut: (() => void) | undefined;
  #sourceDone = false;

  /** @param onOut called when a member was put out */
  constructor(clock: Clock, timeoutMs: number, onOut?: () => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onOut = onOut;
  }

  /** The source as it is read. Its own error is told, so that it is not mistaken for a member's. */
  async *observe(source: AsyncIterable<Uint8Array>, failed: (error: unknown) => void): AsyncGenerator<Uint8Array, void> {
    try {
      yield* source;
    } catch (error) {
      failed(error);
      throw error;
    }
    this.sourceDone();
  }

  /** From now on every member owes an answer. */
  sourceDone(): void {
    this.#sourceDone = true;
  }

  /** Watches one member until the returned function is called. */
  over(write: MemberWrite, lane: Lane | undefined): () => void {
    const timeoutMs = write.member.timeoutMs ?? this.#timeoutMs;
    let seen = -1;
    let timer: unknown;
    const look = (): void => {
      const bytes = lane?.bytes ?? 0;
      const owes = this.#sourceDone || !lane?.isPulling;
      if (owes && bytes === seen) {
        const reason = `no progress for ${timeoutMs} ms`;
        const context = { backend: write.member.name, operation: "stage", reason };
        write.giveUp(new OmniError("TIMEOUT", { ...context, outcome: "not-applied" }));
        this.#onOut?.();
        return;
      }
      seen = owes ? bytes : -1;
      timer = this.#clock.setTimeout(look, timeoutMs);
    };
    look();
    return () => this.#clock.clearTimeout(timer);
  }
}
