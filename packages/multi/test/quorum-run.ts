import { type Backend, createBackend, MultiError, OmniError, type WriteStamp, wrap } from "@omni/core";
import { type Fault, type FaultControl, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, multi } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";
import { watched } from "./journal/crash/stores.ts";
import { type EndsAt, Mortal } from "./mortal.ts";

const PATH = "dir/object.txt";

/** What is wrong with a member, seen by one client, while it does one thing. */
export const TROUBLES = {
  none: [],
  down: [{ on: ["stat", "read", "write", "stage", "commit", "delete"], do: "fail" }],
  "no looks": [{ on: "stat", do: "fail" }],
  "no first look": [{ on: "stat", do: "fail", once: true }],
  "no changes": [{ on: ["write", "stage", "delete"], do: "fail" }],
  "change lost": [{ on: ["write", "commit", "delete"], do: "fail-after-commit" }],
  "change late": [{ on: ["write", "commit", "delete"], do: "apply-late" }],
  "change twice": [{ on: ["write", "commit", "delete"], do: "apply-twice", again: "late" }],
  hangs: [{ on: ["write", "stage", "commit", "delete"], do: "hang" }],
  "breaks off": [{ on: "read", do: "fail", atByte: 3 }],
} as const satisfies Record<string, readonly Fault[]>;
export type Trouble = keyof typeof TROUBLES;

/** What is wrong with the journal, seen by one client, while it does one thing. */
export const JOURNAL_TROUBLES = {
  none: [],
  down: [{ on: ["write", "read", "list", "stat"], do: "fail" }],
  "answer lost": [{ on: "write", do: "fail-after-commit" }],
  "note late": [{ on: "write", do: "apply-late" }],
} as const satisfies Record<string, readonly Fault[]>;
export type JournalTrouble = keyof typeof JOURNAL_TROUBLES;

export const DEEDS = ["write", "stream", "delete", "read", "stat", "repair"] as const;

/** One thing that one client does. */
export interface Step {
  readonly client: number;
  readonly does: (typeof DEEDS)[number];
  /** The call to a store, of this step, at which the client's process ends, before or after that took effect. */
  readonly endsAt: EndsAt | undefined;
  readonly troubles: readonly Trouble[];
  readonly journalTrouble: JournalTrouble;
}

interface Client {
  readonly store: MultiBackend;
  readonly faults: readonly FaultControl[];
  readonly journalFaults: FaultControl | undefined;
  /** The tombstones that it made. */
  readonly buried: WriteStamp[];
  readonly process: Mortal;
  /** Whether the journal may not answer it in this round; its calls share one opening. */
  isJournalTroubled: boolean;
}

export function newer(a: WriteStamp | undefined, b: WriteStamp | undefined): boolean {
  const [left, right] = [a?.counter ?? 0, b?.counter ?? 0];
  return left === right ? (a?.id ?? "") > (b?.id ?? "") : left > right;
}

/** What a store holds; something may still go on in the background. */
async function held(store: Backend): Promise<WriteStamp | undefined> {
  try {
    return (await store.stat(PATH)).stamp;
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/**
 * Several clients over the same stores, each with troubles of its own. Deletes need a journal: without one nobody deletes. Whatever is acknowledged has
 * a version, a delete that of its tombstone, and the promise is about the highest of these: the floor.
 */
export class QuorumRun {
  readonly clock = new AutoClock();
  readonly stores: readonly Backend[];
  readonly journal: Backend | undefined;
  /** The highest version that was acknowledged. */
  floor: WriteStamp | undefined;
  /** Every tombstone that the journal ever took. */
  readonly #tombstones: WriteStamp[] = [];
  readonly #clients: Client[];
  readonly #ended: Client[] = [];
  readonly #acknowledged = new Map<string, string>();
  #bodies = 0;

  constructor(count: number, isJournalled: boolean) {
    this.stores = Array.from({ length: count }, () => memory({ clock: this.clock }));
    this.journal = isJournalled ? noting(memory({ clock: this.clock }), this.#tombstones, this.clock) : undefined;
    this.#clients = Array.from({ length: 3 }, () => this.#client());
  }

  /** A group that no trouble befalls. */
  untroubled(): MultiBackend {
    return multi(this.stores, { mode: "quorum", readPolicy: "quorum", clock: this.clock, journal: this.journal });
  }

  held(): Promise<readonly (WriteStamp | undefined)[]> {
    return Promise.all(this.stores.map(held));
  }

  /** Whether a delete that was decided is newer than a version. */
  isBuried(version: WriteStamp | undefined): boolean {
    return this.#tombstones.some((tombstone) => !newer(version, tombstone));
  }

  #client(): Client {
    const process = new Mortal();
    const through = ({ driver }: Backend): Backend => createBackend(watched(driver, process.around), { clock: this.clock });
    const members = this.stores.map((store) => faulty(store, [], { clock: this.clock }));
    const buried: WriteStamp[] = [];
    const log = this.journal && faulty(this.journal, [], { clock: this.clock });
    const options = { mode: "quorum", readPolicy: "quorum", clock: this.clock, memberTimeoutMs: 1_000, laggardMs: 50 } as const;
    const journal = log && noting(through(log), buried, this.clock, "asked");
    const store = multi(members.map(through), { ...options, breaker: { failures: 3, openMs: 500 }, stageAboveBytes: 64, journal });
    return {
      store,
      faults: members.map(({ faults }) => faults),
      journalFaults: log?.faults,
      buried,
      process,
      isJournalTroubled: false,
    };
  }

  /** What is done at once. */
  async round(steps: readonly Step[]): Promise<void> {
    for (const client of this.#clients) client.isJournalTroubled = false;
    await Promise.all(steps.map((each) => this.#do(each)));
  }

  async #do({ client: at, does, endsAt, troubles, journalTrouble }: Step): Promise<void> {
    const client = this.#clients[at] as Client;
    client.faults.forEach((control, at) => {
      control.clear();
      for (const fault of TROUBLES[troubles[at] as Trouble]) control.add(fault);
    });
    client.journalFaults?.clear();
    for (const fault of JOURNAL_TROUBLES[journalTrouble]) client.journalFaults?.add(fault);
    client.isJournalTroubled ||= journalTrouble !== "none";
    const ended = client.process.end(endsAt).then(() => {
      if (this.#clients[at] !== client) return;
      this.#ended.push(client);
      this.#clients[at] = this.#client();
    });
    await Promise.race([this.#perform(client, does), ended]);
  }

  #perform(client: Client, does: Step["does"]): Promise<void> {
    if (does === "repair") return this.#repair(client);
    if (does === "write" || does === "stream") return this.#write(client, does);
    if (does === "delete" && this.journal) return this.#delete(client);
    return this.#read(client, does);
  }

  async #repair({ store }: Client): Promise<void> {
    try {
      await store.repair();
    } catch (error) {
      if (!OmniError.is(error)) throw error;
    }
  }

  async #write({ store }: Client, does: string): Promise<void> {
    const text = `body ${++this.#bodies} `.repeat(does === "stream" ? 20 : 2);
    async function* stream(): AsyncGenerator<Uint8Array, void> {
      for (let at = 0; at < text.length; at += 50) yield Buffer.from(text.slice(at, at + 50));
    }
    const { floor } = this;
    try {
      const { stamp } = await store.write(PATH, does === "stream" ? stream() : text);
      if (!stamp?.counter) throw new Error("an acknowledged write has no version");
      this.#acknowledged.set(stamp.id, text);
      this.#raise(stamp, floor);
    } catch (error) {
      if (!OmniError.is(error)) throw error;
      if (!MultiError.is(error) && !this.journal) throw error;
    }
  }

  async #delete({ store, buried }: Client): Promise<void> {
    const { floor } = this;
    const before = buried.length;
    try {
      await store.delete(PATH);
    } catch (error) {
      if (!OmniError.is(error)) throw error;
      return;
    }
    // Of several that the client began beside each other any may be this one's.
    const [tombstone] = buried.slice(before).sort((a, b) => (newer(a, b) ? 1 : -1));
    if (!tombstone) throw new Error("an acknowledged delete has no tombstone");
    this.#raise(tombstone, floor);
  }

  /** One that began after another was acknowledged is the later one. */
  #raise(version: WriteStamp, before: WriteStamp | undefined): void {
    if (!newer(version, before)) throw new Error(`${JSON.stringify(version)} was made after ${JSON.stringify(before)}`);
    if (newer(version, this.floor)) this.floor = version;
  }

  /** The promise: the last change that was acknowledged before the read began, or a newer one. */
  async #read(client: Client, does: string): Promise<void> {
    const { floor } = this;
    const { store } = client;
    let seen: WriteStamp | undefined;
    try {
      seen = does === "read" ? await this.#readWhole(store) : (await store.stat(PATH)).stamp;
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) seen = undefined;
      else if (OmniError.is(error, "UNAVAILABLE", "PRECONDITION_FAILED")) return;
      else throw error;
    }
    // Members that agree are believed while the journal does not answer, or cannot be opened.
    if (client.isJournalTroubled && seen !== undefined && this.isBuried(seen)) return;
    if (seen === undefined ? floor !== undefined && !this.isBuried(floor) : newer(floor, seen))
      throw new Error(`a read gave ${JSON.stringify(seen)} after ${JSON.stringify(floor)} was acknowledged`);
  }

  async #readWhole(store: MultiBackend): Promise<WriteStamp | undefined> {
    const reader = await store.read(PATH);
    const text = await reader.text();
    const wanted = this.#acknowledged.get(reader.info.stamp?.id ?? "");
    if (wanted !== undefined && wanted !== text) throw new Error("the bytes of another write");
    return reader.info.stamp;
  }

  /** Lets take effect what is late. */
  async flush(): Promise<void> {
    for (const { faults, journalFaults } of [...this.#clients, ...this.#ended])
      for (const control of journalFaults ? [...faults, journalFaults] : faults) {
        control.release();
        await control.flush();
      }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map(({ store }) => store.close()));
  }
}

/** Notes the versions of tombstones: those that the journal took, or all that it was asked to take. */
function noting({ driver }: Backend, tombstones: WriteStamp[], clock: AutoClock, which: "taken" | "asked" = "taken"): Backend {
  return createBackend(
    wrap(driver, {
      async write(path, body, options) {
        const note = path.includes("/notes/") ? JSON.parse(Buffer.from(body as Uint8Array).toString()) : undefined;
        const made = note?.operation === "delete" ? [note.stamp as WriteStamp] : [];
        if (which === "asked") tombstones.push(...made);
        const info = await driver.write(path, body, options);
        if (which === "taken") tombstones.push(...made);
        return info;
      },
    }),
    { clock },
  );
}
