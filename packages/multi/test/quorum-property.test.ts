import { type Backend, createBackend, MultiError, OmniError, type WriteStamp } from "@omni/core";
import { type Fault, type FaultControl, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, multi } from "@omni/multi";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { AutoClock } from "./auto-clock.ts";
import { watched } from "./journal/crash/stores.ts";

const PATH = "dir/object.txt";

/** What is wrong with a member, seen by one client, while it does one thing. */
const TROUBLES = {
  none: [],
  down: [{ on: ["stat", "read", "write", "stage", "commit"], do: "fail" }],
  "no looks": [{ on: "stat", do: "fail" }],
  "no writes": [{ on: ["write", "stage"], do: "fail" }],
  "commit lost": [{ on: ["write", "commit"], do: "fail-after-commit" }],
  "commit late": [{ on: ["write", "commit"], do: "apply-late" }],
  "commit twice": [{ on: ["write", "commit"], do: "apply-twice", again: "late" }],
  hangs: [{ on: ["write", "stage", "commit"], do: "hang" }],
  "breaks off": [{ on: "read", do: "fail", atByte: 3 }],
} as const satisfies Record<string, readonly Fault[]>;
type Trouble = keyof typeof TROUBLES;

const trouble = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Trouble>("none") },
  { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(TROUBLES) as Trouble[])) },
);
const step = fc.record({
  client: fc.nat(2),
  does: fc.constantFrom("write" as const, "stream" as const, "read" as const, "stat" as const, "repair" as const),
  /** The call to a member, of this step, at which the client's process ends, before or after that took effect. */
  endsAt: fc.option(fc.record({ call: fc.integer({ min: 1, max: 25 }), after: fc.boolean() }), { nil: undefined, freq: 4 }),
  troubles: fc.array(trouble, { minLength: 5, maxLength: 5 }),
});
/** Things that are done at once; then perhaps what was late takes effect. */
const round = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 3 }), flush: fc.boolean() });
const scenario = fc.record({ count: fc.constantFrom(2, 3, 4, 5), rounds: fc.array(round, { minLength: 1, maxLength: 8 }) });

interface Step {
  readonly client: number;
  readonly does: string;
  readonly endsAt: { readonly call: number; readonly after: boolean } | undefined;
  readonly troubles: readonly Trouble[];
}

interface Client {
  readonly store: MultiBackend;
  readonly faults: readonly FaultControl[];
  /** Lets its process end at a call to a member; resolves when it has. */
  end(at: Step["endsAt"]): Promise<void>;
}

function newer(a: WriteStamp | undefined, b: WriteStamp | undefined): boolean {
  const [left, right] = [a?.counter ?? 0, b?.counter ?? 0];
  return left === right ? (a?.id ?? "") > (b?.id ?? "") : left > right;
}

async function held(store: Backend): Promise<WriteStamp | undefined> {
  return (await store.exists(PATH)) ? (await store.stat(PATH)).stamp : undefined;
}

/** A run: several clients over the same stores, each with troubles of its own. */
class Run {
  readonly clock = new AutoClock();
  readonly stores: readonly Backend[];
  readonly clients: Client[];
  readonly ended: Client[] = [];
  readonly acknowledged = new Map<string, string>();
  floor: WriteStamp | undefined;
  bodies = 0;
  reads = 0;

  constructor(count: number) {
    this.stores = Array.from({ length: count }, () => memory({ clock: this.clock }));
    this.clients = Array.from({ length: 3 }, () => this.#client());
  }

  #client(): Client {
    let left: { calls: number; after: boolean; over: () => void } | undefined;
    // From its end on nothing of a process goes out; what it sent may still arrive.
    const around = async <T>(call: () => Promise<T>): Promise<T> => {
      if (left === undefined) return call();
      left.calls -= 1;
      if (left.calls > 0) return call();
      if (left.calls === 0 && left.after) await call().catch(() => {});
      left.over();
      return new Promise(() => {});
    };
    const members = this.stores.map((store) => faulty(store, [], { clock: this.clock }));
    const through = members.map(({ driver }) => createBackend(watched(driver, around), { clock: this.clock }));
    const options = { mode: "quorum", readPolicy: "quorum", clock: this.clock, memberTimeoutMs: 1_000, laggardMs: 50 } as const;
    const store = multi(through, { ...options, breaker: { failures: 3, openMs: 500 }, stageAboveBytes: 64 });
    const end = (at: Step["endsAt"]): Promise<void> =>
      new Promise((over) => {
        left = at && { calls: at.call, after: at.after, over };
      });
    return { store, faults: members.map(({ faults }) => faults), end };
  }

  async do({ client: at, does, endsAt, troubles }: Step): Promise<void> {
    const client = this.clients[at] as Client;
    const { store, faults } = client;
    faults.forEach((control, at) => {
      control.clear();
      for (const fault of TROUBLES[troubles[at] as Trouble]) control.add(fault);
    });
    const ended = client.end(endsAt).then(() => {
      if (this.clients[at] !== client) return;
      this.ended.push(client);
      this.clients[at] = this.#client();
    });
    const work =
      does === "repair"
        ? this.#repair(store)
        : does === "write" || does === "stream"
          ? this.#write(store, does)
          : this.#read(store, does);
    await Promise.race([work, ended]);
  }

  async #repair(store: MultiBackend): Promise<void> {
    try {
      await store.repair();
    } catch (error) {
      if (!OmniError.is(error)) throw error;
    }
  }

  async #write(store: MultiBackend, does: string): Promise<void> {
    const text = `body ${++this.bodies} `.repeat(20);
    async function* stream(): AsyncGenerator<Uint8Array, void> {
      for (let at = 0; at < text.length; at += 50) yield Buffer.from(text.slice(at, at + 50));
    }
    const { floor } = this;
    try {
      const { stamp } = await store.write(PATH, does === "stream" ? stream() : "held ".concat(text).slice(0, 30));
      if (!stamp?.counter) throw new Error("an acknowledged write has no version");
      // One that began after another was acknowledged is the later one.
      if (!newer(stamp, floor)) throw new Error(`${JSON.stringify(stamp)} was written after ${JSON.stringify(floor)}`);
      this.acknowledged.set(stamp.id, does === "stream" ? text : "held ".concat(text).slice(0, 30));
      if (newer(stamp, this.floor)) this.floor = stamp;
    } catch (error) {
      if (!MultiError.is(error)) throw error;
    }
  }

  /** The promise: the last write that was acknowledged before the read began, or a newer one. */
  async #read(store: MultiBackend, does: string): Promise<void> {
    const { floor } = this;
    let seen: WriteStamp | undefined;
    try {
      if (does === "stat") seen = (await store.stat(PATH)).stamp;
      else {
        const reader = await store.read(PATH);
        seen = reader.info.stamp;
        const text = await reader.text();
        const wanted = this.acknowledged.get(seen?.id ?? "");
        if (wanted !== undefined && wanted !== text) throw new Error("the bytes of another write");
      }
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) seen = undefined;
      else if (OmniError.is(error, "UNAVAILABLE", "PRECONDITION_FAILED")) return;
      else throw error;
    }
    this.reads += 1;
    if (newer(floor, seen)) throw new Error(`a read gave ${JSON.stringify(seen)} after ${JSON.stringify(floor)} was acknowledged`);
  }

  async flush(): Promise<void> {
    for (const { faults } of [...this.clients, ...this.ended])
      for (const control of faults) {
        control.release();
        await control.flush();
      }
  }
}

describe("a quorum under crashes, concurrent writers and repairs, late and lost requests", () => {
  const property = fc.asyncProperty(scenario, async ({ count, rounds }) => {
    const run = new Run(count);
    let before = await Promise.all(run.stores.map(held));
    for (const { steps, flush } of rounds) {
      await Promise.all(steps.map((each) => run.do(each)));
      if (flush) await run.flush();
      const after = await Promise.all(run.stores.map(held));
      after.forEach((stamp, at) => {
        if (newer(before[at], stamp)) throw new Error(`member ${at} went back from ${before[at]?.counter} to ${stamp?.counter}`);
      });
      before = after;
    }
    await run.flush();
    await Promise.all(run.clients.map(({ store }) => store.close()));
    await run.flush();

    const fresh = multi(run.stores as Backend[], { mode: "quorum", readPolicy: "quorum", clock: run.clock });
    const report = await fresh.repair();
    expect(report.failed).toBe(0);
    const versions = await Promise.all(run.stores.map(held));
    if (report.ambiguous === 0) expect(new Set(versions.map((stamp) => stamp?.id)).size).toBe(1);
    // What was acknowledged is never ambiguous: enough members hold it.
    else expect(run.floor).toBeUndefined();
    for (const stamp of versions) expect(newer(run.floor, stamp)).toBe(false);
    expect(await fresh.repair()).toMatchObject({ written: 0, removed: 0 });
    if (report.ambiguous === 0) expect((await fresh.verify().summary()).clean).toBe(true);
  });

  const runs = propertyRuns({ name: "multi quorum", push: 200, test: 50 });
  test.each(runs.parameters)(
    "a quorum read gives the last acknowledged write or a newer one, and repair brings all to one version (seed $seed)",
    async (parameters) => {
      await fc.assert(property, parameters);
    },
    1_800_000,
  );
});
