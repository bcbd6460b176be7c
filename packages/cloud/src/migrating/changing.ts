import { type Backend, type Logger, OmniError, silentLogger } from "@omni/core";
import type { Membership, Shift } from "@omni/core/fleet";
import type { Hold, Holds } from "./holds.ts";
import { type Phase, type PhaseRule, RULES, type Side } from "./phases.ts";
import type { Stores } from "./stores.ts";

/** A change of one path, as it is made in either store. */
export interface Change<T> {
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
  /** Where it is decided. */
  first(store: Backend, signal: AbortSignal): Promise<T>;
  /** The same in the other store. Absent: the first store's object is copied. */
  other?(store: Backend, signal: AbortSignal): Promise<unknown>;
}

/** Makes changes as the phase asks: in one store, or in both while nobody else changes the path. */
export class Changing {
  readonly #stores: Stores;
  readonly #holds: Holds;
  readonly #member: () => Promise<Membership>;
  readonly #logger: Logger;

  constructor(parts: { stores: Stores; holds: Holds; member: () => Promise<Membership>; logger?: Logger | undefined }) {
    this.#stores = parts.stores;
    this.#holds = parts.holds;
    this.#member = parts.member;
    this.#logger = parts.logger ?? silentLogger;
  }

  /** Work in the present phase; its signal fires too when the instance may work no longer. */
  async within<T>(
    signal: AbortSignal | undefined,
    work: (rule: PhaseRule, shift: Shift, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const member = await this.#member();
    return member.run((shift) => {
      const both = signal ? AbortSignal.any([signal, shift.signal]) : shift.signal;
      return work(RULES[shift.state as Phase], shift, both);
    });
  }

  /** This instance goes along with a move at once; others do within a third of their lease. */
  async lookAtPhase(): Promise<void> {
    await (await this.#member()).refresh();
  }

  async change<T>(change: Change<T>): Promise<T> {
    return this.within(change.signal, (rule, shift, signal) => {
      if (rule.other === "left alone") return change.first(this.#stores[rule.first], signal);
      const phase = shift.state as Phase;
      return this.#holds.holding(change.path, shift, phase, async (hold) => {
        await this.#makeGood(change.path, hold, signal);
        await hold.begin(phase);
        return this.#changeBoth(change, rule, hold, signal);
      });
    });
  }

  /** Makes the other store show what the deciding one shows. */
  async align(path: string, given?: AbortSignal): Promise<"equal" | "copied" | "deleted"> {
    return this.within(given, (rule, shift, signal) =>
      this.#holds.holding(path, shift, shift.state as Phase, async (hold) => {
        const halfDone = await this.#makeGood(path, hold, signal);
        await hold.begin(shift.state as Phase);
        const done = await this.#stores.align(path, rule.first, signal).catch(async (error: unknown) => {
          await this.#tidy(hold.leaveNote());
          throw error;
        });
        await this.#tidy(hold.release());
        return done === "equal" ? (halfDone ?? done) : done;
      }),
    );
  }

  /** Work while nobody changes the path, and after what was half done there has been made good. */
  async undisturbed<T>(path: string, given: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.within(given, (_, shift, signal) =>
      this.#holds.holding(path, shift, shift.state as Phase, async (hold) => {
        await this.#makeGood(path, hold, signal);
        try {
          return await work();
        } finally {
          await this.#tidy(hold.release());
        }
      }),
    );
  }

  async #changeBoth<T>(change: Change<T>, rule: PhaseRule, hold: Hold, signal: AbortSignal): Promise<T> {
    const second: Side = rule.first === "old" ? "new" : "old";
    let result: T;
    try {
      result = await change.first(this.#stores[rule.first], signal);
    } catch (error) {
      const isUndone = OmniError.is(error) && error.outcome === "not-applied";
      await this.#tidy(isUndone ? hold.release() : hold.leaveNote());
      throw error;
    }
    try {
      if (change.other) await change.other(this.#stores[second], signal);
      else await this.#stores.align(change.path, rule.first, signal);
    } catch (error) {
      await this.#tidy(hold.leaveNote());
      if (rule.other === "required") throw halfDone(change.path, rule.first, error);
      this.#logger.warn(
        { path: change.path, store: second, error },
        "a change did not reach the other store; it is noted, and made good later",
      );
      return result;
    }
    await this.#tidy(hold.release());
    return result;
  }

  async #makeGood(path: string, { halfDone }: Hold, signal: AbortSignal): Promise<"equal" | "copied" | "deleted" | undefined> {
    return halfDone && this.#stores.align(path, RULES[halfDone].first, signal);
  }

  /** A hold that cannot be given up at once becomes a note before the change ends: {@link Holds.holding}. */
  async #tidy(work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => {
      this.#logger.warn({ error }, "the record of a held path could not be changed at once");
    });
  }
}

function halfDone(path: string, first: Side, cause: unknown): OmniError {
  const reason = `the ${first} store has it, the other one does not yet; whoever changes the path next makes that good, and so does settle()`;
  return new OmniError("IN_DOUBT", { operation: "migrating", path, reason, outcome: "unknown", cause });
}
