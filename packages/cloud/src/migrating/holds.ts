import { createHash } from "node:crypto";
import { type Backend, type Clock, createBackend, delay, OmniError } from "@omni/core";
import type { Fleet, Shift } from "@omni/core/fleet";
import { PHASES, type Phase } from "./phases.ts";

/** Who holds a path, or that the last holder left its two objects unlike. */
interface HoldRecord {
  readonly path: string;
  /** Life of the holder; empty for a note: nobody holds it, and the two objects may be unlike. */
  readonly life: string;
  /** The phase of the change that may be half done: it says which store counts. */
  readonly phase: Phase;
}

/** A path that is held. */
export interface Hold {
  /** The phase of a change that somebody else left half done: to be made good before anything else. */
  readonly halfDone: Phase | undefined;
  /** From now on it is this phase that says which store counts. */
  begin(phase: Phase): Promise<void>;
  /** Both objects are alike. */
  release(): Promise<void>;
  /** They may be unlike: the next holder makes it good. */
  leaveNote(): Promise<void>;
}

/** A hold, and whether it is given up. */
interface OwnHold extends Hold {
  isGivenUp: boolean;
}

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

/**
 * Who changes a path, one at a time over all instances: a record that is created only when it is not there. It is given up by its holder, or taken
 * over when the holder's life in the fleet is over, which no clock of another machine decides.
 */
export class Holds {
  readonly #backend: Backend;
  readonly #folder: string;
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  /** Within one process nobody has to ask the store. */
  readonly #here = new Map<string, Promise<void>>();

  constructor(backend: Backend, name: string, fleet: Fleet, clock: Clock) {
    this.#backend = createBackend(backend.driver, { reserved: true });
    this.#folder = `.omni/migrating/${name}/holds/`;
    this.#fleet = fleet;
    this.#clock = clock;
  }

  /**
   * Holds a path while the work is done. A hold that the work could not give up, or that nobody knows to have come about, becomes a note: its holder
   * lives, so nobody else would ever take it over.
   */
  async holding<T>(path: string, shift: Shift, phase: Phase, work: (hold: Hold) => Promise<T>): Promise<T> {
    const before = this.#here.get(path);
    let done = (): void => {};
    const turn = new Promise<void>((resolve) => (done = resolve));
    this.#here.set(path, turn);
    const at = `${this.#folder}${createHash("sha256").update(path).digest("hex")}`;
    let hold: OwnHold | undefined;
    try {
      await before;
      hold = await this.#take(at, path, shift, phase);
      return await work(hold);
    } catch (error) {
      // The request to take it may have come through.
      if (!hold && OmniError.is(error) && error.outcome !== "not-applied") await this.#leave(at, shift);
      throw error;
    } finally {
      if (hold && !hold.isGivenUp) await this.#leave(at, shift);
      if (this.#here.get(path) === turn) this.#here.delete(path);
      done();
    }
  }

  /** Paths that somebody holds, or whose two objects may be unlike. */
  async *all(signal?: AbortSignal): AsyncGenerator<{ readonly path: string; readonly phase: Phase }, void> {
    for await (const { path } of this.#backend.list(this.#folder, { signal })) {
      const found = await this.#read(path, signal);
      if (found) yield found.record;
    }
  }

  async #take(at: string, path: string, shift: Shift, phase: Phase): Promise<OwnHold> {
    const mine: HoldRecord = { path, life: shift.life, phase };
    let isOver: ((signal?: AbortSignal) => Promise<boolean>) | undefined;
    let watched = "";
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      shift.signal.throwIfAborted();
      if (await this.#write(at, mine, { ifNoneMatch: "*" }, shift.signal)) return this.#hold(at, mine, undefined, shift);
      const found = await this.#read(at, shift.signal);
      if (!found) continue;
      const { record, etag } = found;
      if (record.life !== "" && watched !== record.life) {
        watched = record.life;
        isOver = this.#fleet.watchLife(watched);
      }
      if (record.life === "" || record.life === shift.life || (await isOver?.(shift.signal))) {
        // Until it is made good, the record keeps the phase of the change that was left half done.
        const taken = { ...record, life: shift.life };
        if (await this.#write(at, taken, { ifMatch: etag }, shift.signal)) return this.#hold(at, taken, record.phase, shift);
      }
      await delay(pauseMs, this.#clock, shift.signal);
    }
  }

  #hold(at: string, record: HoldRecord, halfDone: Phase | undefined, { signal }: Shift): OwnHold {
    let { phase } = record;
    const hold: OwnHold = {
      halfDone,
      isGivenUp: false,
      begin: async (next) => {
        if (next === phase) return;
        await this.#backend.write(at, JSON.stringify({ ...record, phase: next }), { signal });
        phase = next;
      },
      // After the lease's end the record may be another's.
      release: async () => {
        signal.throwIfAborted();
        await this.#backend.delete(at, { signal });
        hold.isGivenUp = true;
      },
      leaveNote: async () => {
        signal.throwIfAborted();
        await this.#backend.write(at, JSON.stringify({ ...record, phase, life: "" }), { signal });
        hold.isGivenUp = true;
      },
    };
    return hold;
  }

  /** Makes a note of the record if it is this life's. While the records cannot be reached the lease ends, and with it the life. */
  async #leave(at: string, { life, signal }: Shift): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const found = await this.#read(at, signal);
        if (found?.record.life !== life) return;
        if (await this.#write(at, { ...found.record, life: "" }, { ifMatch: found.etag }, signal)) return;
      } catch (error) {
        // Without an answer it is asked again: else everybody would wait for the end of this life.
        if (OmniError.is(error) && !error.retryable && error.code !== "UNKNOWN") throw error;
      }
      await delay(pauseMs, this.#clock, signal).catch(() => undefined);
    }
  }

  async #write(
    at: string,
    record: HoldRecord,
    condition: { readonly ifNoneMatch: "*" } | { readonly ifMatch: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await this.#backend.write(at, JSON.stringify(record), { ...condition, signal });
      return true;
    } catch (error) {
      if (OmniError.is(error, "PRECONDITION_FAILED", "ALREADY_EXISTS", "NOT_FOUND") && error.outcome !== "unknown") return false;
      throw error;
    }
  }

  async #read(
    at: string,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly record: HoldRecord; readonly etag: string } | undefined> {
    try {
      const reader = await this.#backend.read(at, { signal });
      const record = await reader.json<HoldRecord>();
      if (!PHASES.includes(record.phase))
        throw new OmniError("UNKNOWN", { path: at, reason: "this is no record of a migration", outcome: "not-applied" });
      return { record, etag: reader.info.etag as string };
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }
}
