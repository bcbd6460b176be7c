import { MultiError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiOptions, multi, type WriteOutcome } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";

const PATH = "a/b.bin";
const KIB = 1024;

/** Three memory stores of which the last has faults, in mode `quorum` unless told otherwise. */
function group(faults: readonly Fault[], options: MultiOptions = {}) {
  const clock = new AutoClock();
  const stores = [memory({ clock }), memory({ clock }), memory({ clock })];
  const last = faulty(stores[2] as (typeof stores)[number], faults, { clock });
  const settings = { clock, mode: "quorum", memberTimeoutMs: 60_000, laggardMs: 1_000, stageAboveBytes: 0, ...options } as const;
  const store = multi([stores[0], stores[1], last], settings);
  const laggards: string[] = [];
  const missed: string[] = [];
  store.events.on("laggard", ({ member, reason }) => laggards.push(`${member}: ${reason}`));
  store.events.on("missed", ({ operation, members, path }) => missed.push(`${operation} ${path} ${members.join()}`));
  const has = () => Promise.all(stores.map((each) => each.exists(PATH)));
  return { store, clock, last, laggards, missed, has };
}

async function* stream(chunks: number, bytes = 16 * KIB): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < chunks; at++) yield new Uint8Array(bytes).fill(at);
}

const states = (outcomes: readonly WriteOutcome[]): string => outcomes.map(({ state }) => state).join(" ");

/** How long something took on the fake clock. */
async function timed<T>(clock: AutoClock, work: () => Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
  const start = clock.now();
  return { result: await work(), ms: clock.now() - start };
}

describe("a member that accepts and never answers", () => {
  test.each(["stage", "commit"] as const)("at its %s: delays one write by its window, and the next ones not at all", async (on) => {
    const { store, clock, laggards, missed } = group([{ on, do: "hang" }]);
    const first = await timed(clock, () => store.write(PATH, stream(3)));
    expect([states(first.result.outcomes), first.ms]).toEqual(["committed committed pending", 1_000]);
    expect(first.result.failures).toBeUndefined();
    for (let i = 0; i < 50; i++) {
      const next = await timed(clock, () => store.write(`${PATH}-${i}`, stream(3)));
      expect([next.ms, next.result.outcomes.filter(({ state }) => state === "committed").length]).toEqual([0, 2]);
    }
    expect(laggards[0]).toBe("memory-3: enough others took it before");
    expect(missed.length).toBeGreaterThan(0);
    await store.close();
    // Each of the 51 writes is known to have missed it in the end.
    expect(new Set(missed).size).toBe(51);
  });

  test("is left alone when its breaker opens: a few writes are sent to it, not all", async () => {
    const { store, last } = group([{ on: "stage", do: "hang" }]);
    for (let i = 0; i < 200; i++) await store.write(`${PATH}-${i}`, stream(1));
    expect(last.faults.log.filter(({ event }) => event === "struck")).toHaveLength(5);
  });

  test("with a body larger than its window: is out when the window is full, and the rest goes on", async () => {
    const { store, clock, laggards, missed, has } = group([{ on: "stage", do: "hang" }], { windowBytes: 64 * KIB });
    const { result, ms } = await timed(clock, () => store.write(PATH, stream(100)));
    expect([states(result.outcomes), ms]).toEqual(["committed committed failed", 1_000]);
    expect(laggards).toEqual(["memory-3: its window of 65536 bytes was full while enough others could go on"]);
    expect(missed).toEqual([`write ${PATH} memory-3`]);
    expect(await has()).toEqual([true, true, false]);
    expect(result.failures?.errors).toHaveLength(1);
  });

  test("with laggardMs 0 it costs no time at all", async () => {
    const { store, clock } = group([{ on: "stage", do: "hang" }], { windowBytes: 64 * KIB, laggardMs: 0 });
    expect((await timed(clock, () => store.write(PATH, stream(100)))).ms).toBe(0);
  });

  test("in mode all the writer waits until the deadline", async () => {
    const { store, clock, has } = group([{ on: "stage", do: "hang" }], {
      mode: "all",
      memberTimeoutMs: 5_000,
      windowBytes: 64 * KIB,
    });
    const { result, ms } = await timed(clock, () => store.write(PATH, stream(100)).catch((error) => error));
    expect(MultiError.is(result, "PARTIAL_FAILURE")).toBe(true);
    expect(ms).toBeGreaterThanOrEqual(5_000);
    expect(ms).toBeLessThanOrEqual(11_000);
    expect(await has()).toEqual([false, false, false]);
  });

  test("holds up a delete no longer than a write", async () => {
    const { store, clock, missed } = group([{ on: "delete", do: "hang" }]);
    await store.write(PATH, stream(1));
    expect((await timed(clock, () => store.delete(PATH))).ms).toBe(1_000);
    expect((await timed(clock, () => store.delete(PATH))).ms).toBe(0);
    await store.close();
    expect(missed).toEqual([`delete ${PATH} memory-3`, `delete ${PATH} memory-3`]);
  });
});

describe("a member that is late", () => {
  test("is pending, takes the write after all, and is trusted again", async () => {
    const { store, clock, has, missed } = group([{ on: "commit", do: "delay", delayMs: 3_000, once: true }]);
    const late: string[] = [];
    store.events.on("late", ({ outcome }) => late.push(`${outcome.member} ${outcome.state}`));
    const { result, ms } = await timed(clock, () => store.write(PATH, stream(3)));
    expect([states(result.outcomes), ms]).toEqual(["committed committed pending", 1_000]);
    await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 3_000));
    expect([late, missed, await has()]).toEqual([["memory-3 committed"], [], [true, true, true]]);
    expect(states((await store.write(PATH, stream(3))).outcomes)).toBe("committed committed committed");
  });

  test("never puts an older write over a newer one", async () => {
    const { store, clock } = group([{ on: "commit", do: "delay", delayMs: 3_000, once: true }]);
    await store.write(PATH, "first");
    const second = await store.write(PATH, "second");
    await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 10_000));
    for (const { backend } of store.members) {
      expect((await backend.stat(PATH)).stamp).toEqual(second.stamp);
      expect(await (await backend.read(PATH)).text()).toBe("second");
    }
  });

  test("is skipped when it owes more than its window", async () => {
    const { store } = group([{ on: "write", do: "hang" }], { breaker: false, windowBytes: 16 * KIB, stageAboveBytes: 1_000_000 });
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) seen.push((await store.write(`${PATH}-${i}`, "x")).outcomes[2]?.state as string);
    expect(seen).toEqual(["pending", "pending", "pending", "pending", "failed", "failed"]);
  });
});

describe("a slow member", () => {
  const slow: Fault = { on: "stage", do: "delay", delayMs: 20_000, atByte: 0 };

  test("below the least throughput is out, above it stays", async () => {
    const out = group([slow], { minBytesPerSecond: 10 * KIB });
    async function* trickle(): AsyncGenerator<Uint8Array, void> {
      for (let at = 0; at < 10; at++) {
        await new Promise((resolve) => out.clock.setTimeout(() => resolve(undefined), 500));
        yield new Uint8Array(KIB);
      }
    }
    expect(states((await out.store.write(PATH, trickle())).outcomes)).toBe("committed committed failed");
    expect(out.laggards).toEqual(["memory-3: it took 0 bytes a second, the least is 10240"]);
  });

  test("when all are slow nobody is put out", async () => {
    const clock = new AutoClock();
    const all = Array.from({ length: 3 }, () => faulty(memory({ clock }), [slow], { clock }));
    const store = multi(all, { clock, mode: "quorum", windowBytes: 64 * KIB, minBytesPerSecond: 0, stageAboveBytes: 0 });
    expect(states((await store.write(PATH, stream(100))).outcomes)).toBe("committed committed committed");
  });

  test("may have a window and a deadline of its own", async () => {
    const clock = new AutoClock();
    const far = faulty(memory({ clock }), [slow], { clock });
    const members = [
      memory({ clock }),
      memory({ clock }),
      { name: "far", backend: far, windowBytes: 4 * KIB * KIB, timeoutMs: 90_000 },
    ];
    const store = multi(members, { clock, mode: "quorum", windowBytes: 64 * KIB, stageAboveBytes: 0, laggardMs: 30_000 });
    expect(states((await store.write(PATH, stream(100))).outcomes)).toBe("committed committed committed");
    expect(() => multi([{ name: "far", backend: far, windowBytes: 0 }])).toThrow(
      'windowBytes of the member "far" is a whole number, 1 or more',
    );
  });
});
