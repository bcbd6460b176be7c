import { type Backend, createBackend, type OmniError } from "@omni/core";
import { type Fleet, type FleetOptions, fleet, type Registration } from "@omni/core/fleet";
import { memory } from "@omni/memory";
import { LifeWatch, waitForOthers } from "../../src/fleet/barrier.ts";
import { Lease } from "../../src/fleet/lease.ts";
import { ManualClock } from "../manual-clock.ts";

const STATES = ["old", "both", "new"];

let clock: ManualClock;
let store: Backend;
/** Requests that are held back, and the switch that holds them. */
let held: (() => void)[] | undefined;

beforeEach(() => {
  clock = new ManualClock();
  held = undefined;
  const { driver } = memory();
  const gate = async (): Promise<void> => {
    if (held) await new Promise<void>((resolve) => held?.push(resolve));
  };
  store = createBackend({
    ...driver,
    write: (path, body, options) => gate().then(() => driver.write(path, body, options)),
  });
});

const open = (options: Partial<FleetOptions> = {}): Fleet =>
  fleet({ backend: store, name: "f", states: STATES, clock, monotonic: () => clock.now(), leaseMs: 900, skewMs: 100, ...options });

const failed = (promise: Promise<unknown>): Promise<OmniError> =>
  promise.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: OmniError) => error,
  );

describe("a fleet", () => {
  test("begins in its first state, and keeps every state that it was in", async () => {
    const one = open({ instance: "one" });
    expect(await one.state()).toEqual({ epoch: 0, state: "old", at: 0, by: "one" });
    await one.move("both");
    await one.move("old");
    expect((await open().history()).map(({ epoch, state, by }) => [epoch, state, by])).toEqual([
      [0, "old", "one"],
      [1, "both", "one"],
      [2, "old", "one"],
    ]);
  });

  test("goes one step at a time, to states it knows, and never back from the last", async () => {
    const one = open();
    expect((await failed(one.move("new"))).message).toMatch(/from "old" it goes to "both" and not to "new": one step at a time/);
    expect((await failed(one.move("else"))).message).toMatch(/"else", which is none of the states of this program: old, both, new/);
    await one.move("both");
    await one.move("new");
    expect((await failed(one.move("both"))).message).toMatch(/"new" is the last state, there is no way back/);
    expect(await one.move("both", { force: "the new store lost a disk" })).toMatchObject({
      epoch: 3,
      forced: "the new store lost a disk",
    });
    expect((await failed(open({ states: ["a", "b"] }).state())).message).toMatch(/the fleet is in "both", which is none/);
  });

  test.each<[Partial<FleetOptions>, RegExp]>([
    [{ name: "a/b" }, /name is "a\/b", it has to be 1 to 100 letters/],
    [{ name: ".." }, /name is "\.\."/],
    [{ instance: "" }, /instance is ""/],
    [{ states: ["a"] }, /states is \["a"\], it has to be two or more/],
    [{ states: ["a", "a"] }, /states is/],
    [{ leaseMs: 0 }, /leaseMs is 0/],
    [{ skewMs: Number.NaN }, /skewMs is null/],
  ])("refuses %j", (options, message) => {
    expect(() => open(options)).toThrow(message);
  });

  test("needs a store with conditional create", () => {
    const { driver } = memory();
    const plain = createBackend({
      ...driver,
      features: { ...driver.features, conditional: { create: false, replace: false, delete: false } },
    });
    expect(() => open({ backend: plain })).toThrow(/conditional create/);
  });

  test("lets one of two movers move it", async () => {
    const both = await Promise.allSettled([open().move("both"), open().move("both")]);
    const lost = both.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
    expect((await open().state()).epoch).toBe(1);
    expect((lost?.reason as OmniError | undefined)?.code ?? "PRECONDITION_FAILED").toBe("PRECONDITION_FAILED");
  });
});

describe("an instance", () => {
  test("goes with the fleet, and is waited for while it still works in the former state", async () => {
    await using one = await open({ instance: "one" }).join();
    let end = (): void => {};
    const seen: string[] = [];
    const old = one.run(async ({ state }) => {
      seen.push(state);
      await new Promise<void>((resolve) => (end = resolve));
    });
    await open().move("both");
    await clock.advance(300); // A refresh, in which it learns of it.
    await one.run(async ({ state }) => seen.push(state));
    expect(seen).toEqual(["old", "both"]);
    const waited: string[][] = [];
    const move = open().move("new", { onWaiting: (behind) => waited.push(behind.map(({ instance }) => instance)) });
    await clock.advance(50);
    expect(waited.at(-1)).toEqual(["one"]);
    end();
    await old;
    await clock.advance(1);
    await clock.advance(100);
    expect((await move).state).toBe("new");
  });

  test("learns of a move at once when it is told to look", async () => {
    await using one = await open({ instance: "one" }).join();
    await open().move("both");
    expect(one.state).toBe("old");
    await one.refresh();
    expect(one.state).toBe("both");
    expect(await open().instances()).toMatchObject([{ instance: "one", epoch: 1 }]);
  });

  test("stops when its lease is over, and comes back under another life", async () => {
    const one = await open({ instance: "one" }).join();
    const [before] = await open().instances();
    const broken = failed(
      one.run(({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))),
    );
    held = [];
    await clock.advance(300);
    await clock.advance(600);
    expect((await broken).message).toMatch(/the instance "one" has to stop: its lease is over/);
    const again = one.run(async ({ state }) => state);
    for (const go of held.splice(0)) go();
    held = undefined;
    expect(await again).toBe("old");
    const lives = (await open().instances()).map(({ life }) => life);
    expect(lives).toHaveLength(2); // The former one's is waited out by whoever moves the fleet.
    expect(lives).toContain(before?.life);
    await one.leave();
    expect(await open().instances()).toHaveLength(1);
  });

  test("that has left works no more", async () => {
    const one = await open({ instance: "one" }).join();
    await one.leave();
    const error = await failed(one.run(async () => "never"));
    expect([error.code, error.outcome]).toEqual(["UNAVAILABLE", "not-applied"]);
    expect(await open().instances()).toEqual([]);
  });
});

describe("a life", () => {
  test("is over when it has left, or when nothing was heard of it for its lease and the skew", async () => {
    const two = open({ instance: "two" });
    const one = await open({ instance: "one" }).join();
    const life = await one.run(async (shift) => shift.life);
    const isOver = two.watchLife(life);
    expect(await isOver()).toBe(false);
    held = [];
    await clock.advance(1_000);
    expect(await isOver()).toBe(false);
    await clock.advance(1);
    expect(await isOver()).toBe(true);
    expect(await two.watchLife("one~never-seen")()).toBe(true);
  });

  test("the fleet is settled when every living instance runs the newest state", async () => {
    await using one = await open({ instance: "one" }).join();
    await open().move("both");
    const settled = open().settled();
    await clock.advance(300);
    await clock.advance(100);
    expect([(await settled).state, one.state]).toEqual(["both", "both"]);
  });
});

describe("a lease", () => {
  test("counts from when its refresh was sent, by the clock that went further", async () => {
    let monotonic = 0;
    let ended = 0;
    const lease = new Lease({ clock, monotonic: () => monotonic, leaseMs: 100, onEnd: () => (ended += 1) });
    const sent = lease.sentNow();
    monotonic = 60;
    lease.renew(sent);
    monotonic = 99;
    expect(lease.holds).toBe(true);
    monotonic = 100;
    expect(lease.holds).toBe(false);
    lease.renew(lease.sentNow());
    await clock.advance(100); // The machine slept: its monotonic clock stood still.
    expect([lease.holds, ended]).toEqual([false, 1]);
  });
});

describe("the wait for others", () => {
  const registration: Registration = { life: "a", instance: "a", epoch: 0, refresh: 1, leaseMs: 100 };

  /** Looks that take their time: [asked at, answered at, refresh number]. */
  async function looks(...answers: readonly (readonly [number, number, number])[]): Promise<number> {
    let at = 0;
    let taken = 0;
    const records = {
      registrations: async () => {
        const [, answered, refresh] = answers[taken] as (typeof answers)[number];
        at = answered;
        taken += 1;
        return [{ ...registration, refresh }];
      },
    };
    const pause = async (): Promise<void> => {
      const next = answers[taken];
      if (!next) throw new Error("still waiting");
      at = next[0];
    };
    return waitForOthers({ watch: new LifeWatch(records, 10, () => at), epoch: 1 }, pause).then(
      () => taken,
      () => Number.POSITIVE_INFINITY,
    );
  }

  test("ends when nothing was heard for the lease and the skew", async () => {
    expect(await looks([0, 0, 1], [110, 110, 1], [111, 111, 1])).toBe(3);
  });

  test("counts an answer that was long on its way from when it was asked for", async () => {
    expect(await looks([0, 0, 1], [50, 500, 1])).toBe(Number.POSITIVE_INFINITY);
  });

  test("counts from when a refresh was first seen", async () => {
    expect(await looks([0, 50, 1], [120, 120, 1])).toBe(Number.POSITIVE_INFINITY);
    expect(await looks([0, 0, 1], [90, 90, 2], [190, 190, 2], [201, 201, 2])).toBe(4);
  });
});
