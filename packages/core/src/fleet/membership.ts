import type { Clock } from "../clock.ts";
import { OmniError } from "../error.ts";
import type { Logger } from "../logger.ts";
import { Lease, unheld } from "./lease.ts";
import type { FleetRecords, FleetState } from "./records.ts";

/** What a piece of work is told. */
export interface Shift {
  /** The state that it runs in. */
  readonly state: string;
  /** The life that it runs under; the fleet's `watchLife` tells others when that is over. */
  readonly life: string;
  /** Fires when the instance may work no longer: what is under way has to be broken off within the fleet's `skewMs`. */
  readonly signal: AbortSignal;
}

/** An instance's part in a fleet. */
export interface Membership {
  /** The state that work begun now runs in. */
  readonly state: string;
  /**
   * Runs a piece of work in the present state. The fleet is not moved two states on before it has ended.
   *
   * @throws OmniError UNAVAILABLE, outcome not-applied, when the lease cannot be refreshed: the work was not begun
   */
  run<T>(work: (shift: Shift) => Promise<T>): Promise<T>;
  /** Looks for the newest state now, not only at the next refresh of the lease. Does nothing when the backend cannot be asked. */
  refresh(): Promise<void>;
  /** Waits for what runs, and takes the registration away. */
  leave(): Promise<void>;
  /** Leaves. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a membership works with. */
export interface MembershipParts {
  readonly records: FleetRecords;
  readonly instance: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly logger: Logger;
  /** The newest state; creates the first one; refuses one that this program does not know. */
  readonly head: () => Promise<FleetState>;
}

/** Work that began in one epoch. */
interface Crew {
  readonly epoch: number;
  readonly state: string;
  running: number;
}

/**
 * An instance registers the lowest epoch that anything in it still runs, and works only while its lease holds. A lease that ended is not taken up
 * again: the instance breaks off what it has under way and joins anew under another life, so that whoever waited the old one out was right.
 */
export class LivingMembership implements Membership {
  readonly #parts: MembershipParts;
  readonly #lease: Lease;
  #life = "";
  #refreshes = 0;
  /** The oldest first; work begins in the last. None while there is no lease. */
  #crews: Crew[] = [];
  #fence = new AbortController();
  #running = 0;
  #joining: Promise<void> | undefined;
  #keeping: Promise<void> | undefined;
  #timer: unknown;
  #leaving: Promise<void> | undefined;
  #idle: () => void = () => {};

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#lease = new Lease({ ...parts, onEnd: () => this.#end("its lease is over: it could not be refreshed in time") });
  }

  get state(): string {
    return this.#crews.at(-1)?.state ?? "";
  }

  join(): Promise<void> {
    this.#joining ??= this.#join().finally(() => {
      this.#joining = undefined;
    });
    return this.#joining;
  }

  async run<T>(work: (shift: Shift) => Promise<T>): Promise<T> {
    if (!this.#lease.holds && !this.#leaving) await this.join().catch((error: unknown) => this.#refuse("cannot join it", error));
    const crew = this.#crews.at(-1);
    if (!crew || this.#leaving || !this.#lease.holds)
      return this.#refuse(this.#leaving ? "has left it" : "could not refresh its lease");
    crew.running += 1;
    this.#running += 1;
    try {
      return await work({ state: crew.state, life: this.#life, signal: this.#fence.signal });
    } finally {
      crew.running -= 1;
      this.#running -= 1;
      if (this.#running === 0) this.#idle();
      if (crew.running === 0 && this.#crews.length > 1) this.#refreshNow();
    }
  }

  async refresh(): Promise<void> {
    await this.#keeping;
    if (this.#life !== "") await this.#keepUpOnce();
    // Where the former state's work has ended already, others learn of it at once, too.
    if (this.#crews.length > 1 && this.#crews[0]?.running === 0) await this.#keepUpOnce();
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  /** Registers, and looks whether the fleet was moved meanwhile: before it is sure that it was not, nothing runs. */
  async #join(): Promise<void> {
    const { records, instance, leaseMs } = this.#parts;
    for (;;) {
      const { epoch, state } = await this.#parts.head();
      const life = `${instance}~${crypto.randomUUID()}`;
      const sent = this.#lease.sentNow();
      await records.register({ life, instance, epoch, refresh: 0, leaseMs });
      if ((await this.#parts.head()).epoch === epoch) {
        this.#life = life;
        this.#refreshes = 0;
        this.#crews = [{ epoch, state, running: 0 }];
        this.#fence = new AbortController();
        this.#lease.renew(sent);
        this.#schedule(leaseMs / 3);
        return;
      }
      await records.remove(life);
    }
  }

  #schedule(ms: number): void {
    const { clock } = this.#parts;
    clock.clearTimeout(this.#timer);
    this.#timer = unheld(clock.setTimeout(() => this.#refreshNow(), ms));
  }

  #refreshNow(): void {
    if (!this.#keeping && this.#life !== "") void this.#keepUpOnce();
  }

  #keepUpOnce(): Promise<void> {
    this.#keeping ??= this.#keepUp().finally(() => {
      this.#keeping = undefined;
    });
    return this.#keeping;
  }

  /** Refreshes, and makes sure of the next time. Nothing that is thrown leaves it. */
  async #keepUp(): Promise<void> {
    const { leaseMs, logger, instance } = this.#parts;
    let pauseMs = leaseMs / 3;
    try {
      await this.#refresh();
      if (this.#crews.length > 1 && this.#crews[0]?.running === 0) pauseMs = 1;
    } catch (error) {
      logger.warn({ instance, error }, "the fleet's lease was not refreshed; trying again");
      pauseMs = leaseMs / 10;
    }
    if (this.#life !== "") this.#schedule(pauseMs);
  }

  async #refresh(): Promise<void> {
    const { records, instance, leaseMs } = this.#parts;
    const life = this.#life;
    while (this.#crews.length > 1 && this.#crews[0]?.running === 0) this.#crews.shift();
    const [oldest] = this.#crews;
    if (!oldest) return;
    const sent = this.#lease.sentNow();
    this.#refreshes += 1;
    await records.register({ life, instance, epoch: oldest.epoch, refresh: this.#refreshes, leaseMs });
    const head = await this.#parts.head();
    // The lease ended before the answer came: whoever waited for it may have moved on.
    if (life !== this.#life || !this.#lease.holds) return;
    if (head.epoch > oldest.epoch + 1) return this.#end(`the fleet was moved to "${head.state}" without it`);
    this.#lease.renew(sent);
    if (head.epoch > oldest.epoch && this.#crews.length === 1)
      this.#crews.push({ epoch: head.epoch, state: head.state, running: 0 });
  }

  /** The instance may work no longer. */
  #end(reason: string): void {
    const { clock, logger, instance } = this.#parts;
    this.#life = "";
    this.#crews = [];
    this.#lease.drop();
    clock.clearTimeout(this.#timer);
    logger.warn({ instance }, `the instance stops working: ${reason}`);
    this.#fence.abort(
      new OmniError("UNAVAILABLE", { operation: "fleet", reason: `the instance "${instance}" has to stop: ${reason}` }),
    );
  }

  async #leave(): Promise<void> {
    const { records, clock, logger, instance } = this.#parts;
    await this.#joining?.catch(() => undefined);
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    const life = this.#life;
    this.#life = "";
    this.#crews = [];
    this.#lease.drop();
    clock.clearTimeout(this.#timer);
    if (life === "") return;
    await records.remove(life).catch((error: unknown) => {
      logger.warn({ instance, error }, "the registration could not be taken away: others wait until its lease is over");
    });
  }

  #refuse(reason: string, cause?: unknown): never {
    const { instance } = this.#parts;
    throw new OmniError("UNAVAILABLE", {
      operation: "fleet",
      reason: `the instance "${instance}" does not work for the fleet now: it ${reason}`,
      outcome: "not-applied",
      cause,
    });
  }
}
