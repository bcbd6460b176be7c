import type { Clock } from "@omni/core";
import type { DriverDelivery } from "@omni/core/queue";
import type { Member } from "./member.ts";

/** A message as one member delivered it. */
export interface Copy {
  readonly member: Member;
  readonly delivery: DriverDelivery;
  /** The subscription that took it. */
  readonly owner: unknown;
  /** Gives it to the application of the subscription that took it; `false` when that one takes no more. */
  hand(attempt: number): boolean;
}

/** What is known of one id. */
interface Twin {
  /** Who has it: the copy that the application works on; absent while it waits to be delivered again. */
  first: Copy | undefined;
  /** The member that delivers it again. */
  member: Member | undefined;
  /** Copies that wait for the first one to be done. */
  readonly waiting: Set<Copy>;
  /** The application is done with it and the broker is being told: nobody else may get it. */
  settling: boolean;
  /** How often it was handed to the application. */
  handed: number;
  /** By member that delivered it: deliveries that never reached the application, which do not count as attempts. */
  readonly suppressed: Map<Member, number>;
}

/** What is remembered of an id that is done. */
interface Done {
  /** Milliseconds since the epoch. */
  readonly until: number;
  /**
   * Of a message that was given up, members that delivered it: what comes from them is a message of its own, as when dead letters are
   * published again under their ids.
   */
  readonly from: Set<Member> | undefined;
}

export interface TwinsOptions {
  readonly windowMs: number;
  readonly maxIds: number;
  readonly clock: Clock;
  /** Told of copies whose acknowledgement failed: they come again and are suppressed again. */
  onError(member: Member, error: unknown): void;
}

/**
 * The copies of the messages of one group and topic on several brokers: one of each id reaches the application, the others wait until it is
 * done and are acknowledged then. In two phases, so that a failure of the first leaves the others.
 */
export class Twins {
  readonly #options: TwinsOptions;
  readonly #open = new Map<string, Twin>();
  /** Ids that are done, the oldest first. */
  readonly #done = new Map<string, Done>();

  constructor(options: TwinsOptions) {
    this.#options = options;
  }

  /** A member delivered a message. */
  arrive(id: string, copy: Copy): void {
    if (this.#isDone(id, copy.member)) {
      void this.#drop(copy);
      return;
    }
    let twin = this.#open.get(id);
    if (!twin) {
      twin = { first: undefined, member: undefined, waiting: new Set(), settling: false, handed: 0, suppressed: new Map() };
      this.#open.set(id, twin);
    }
    const { first } = twin;
    if (!twin.suppressed.has(copy.member)) twin.suppressed.set(copy.member, 0);
    const free = first ? first.delivery.owned?.() === false : twin.member === undefined || twin.member === copy.member;
    if (free && !twin.settling) this.#hand(id, twin, copy);
    else this.#wait(twin, copy);
  }

  /** The application is done with a message, and its broker is about to be told. */
  settling(id: string): void {
    const twin = this.#open.get(id);
    if (twin) twin.settling = true;
  }

  /**
   * The application is done with a message: its copies are acknowledged.
   *
   * @param how `"terminated"`: it was given up and may be published again
   */
  async done(id: string, how: "handled" | "terminated"): Promise<void> {
    const twin = this.#open.get(id);
    this.#open.delete(id);
    this.#remember(id, how === "handled" ? undefined : new Set(twin?.suppressed.keys()));
    if (twin) await Promise.all([...twin.waiting].map((copy) => this.#drop(copy)));
  }

  /** The application gave a message back: its member delivers it again, and the copies go on waiting. */
  again(id: string, copy: Copy): void {
    const twin = this.#open.get(id);
    if (twin?.first === copy) twin.first = undefined;
  }

  /** The application works on a message: its copies must not be delivered to others meanwhile. */
  async extend(id: string): Promise<void> {
    const { waiting = [] } = this.#open.get(id) ?? {};
    await Promise.all([...waiting].map((copy) => this.#settle(copy, () => copy.delivery.extend())));
  }

  /** The subscription of one member ended: what it had goes back to its broker, and a copy takes its place. */
  leave(member: Member, ended: (copy: Copy) => boolean): void {
    for (const [id, twin] of this.#open) {
      for (const copy of twin.waiting) if (ended(copy)) twin.waiting.delete(copy);
      const orphaned = twin.first ? ended(twin.first) : twin.member === member;
      if (orphaned && !twin.settling) this.#promote(id, twin);
    }
  }

  #promote(id: string, twin: Twin): void {
    twin.first = undefined;
    twin.member = undefined;
    for (const copy of twin.waiting) {
      twin.waiting.delete(copy);
      if (copy.delivery.owned?.() !== false && this.#hand(id, twin, copy)) return;
    }
    if (twin.waiting.size === 0) this.#open.delete(id);
  }

  #hand(id: string, twin: Twin, copy: Copy): boolean {
    const before = twin.suppressed.get(copy.member) ?? 0;
    const attempt = Math.max(twin.handed + 1, copy.delivery.attempt - before);
    twin.first = copy;
    twin.member = copy.member;
    if (copy.hand(attempt)) {
      twin.handed += 1;
      return true;
    }
    twin.first = undefined;
    twin.member = undefined;
    if (twin.waiting.size === 0) this.#open.delete(id);
    return false;
  }

  #wait(twin: Twin, copy: Copy): void {
    // Delivered again while it waited: the former delivery is nobody's.
    for (const other of twin.waiting)
      if (other.member === copy.member && other.delivery.owned?.() === false) twin.waiting.delete(other);
    twin.waiting.add(copy);
    twin.suppressed.set(copy.member, (twin.suppressed.get(copy.member) ?? 0) + 1);
  }

  async #drop(copy: Copy): Promise<void> {
    copy.member.counters.suppressed += 1;
    await this.#settle(copy, () => copy.delivery.ack());
  }

  async #settle(copy: Copy, call: () => Promise<void> | void): Promise<void> {
    if (copy.delivery.owned?.() === false) return;
    try {
      await call();
    } catch (error) {
      this.#options.onError(copy.member, error);
    }
  }

  #isDone(id: string, member: Member): boolean {
    const done = this.#done.get(id);
    if (!done || done.until <= this.#options.clock.now()) return false;
    if (!done.from) return true;
    if (done.from.has(member)) return false;
    done.from.add(member);
    return true;
  }

  #remember(id: string, from: Set<Member> | undefined): void {
    const { windowMs, maxIds, clock } = this.#options;
    const now = clock.now();
    this.#done.delete(id);
    this.#done.set(id, { until: now + windowMs, from });
    for (const [old, { until }] of this.#done) {
      if (until > now && this.#done.size <= maxIds) return;
      this.#done.delete(old);
    }
  }
}
