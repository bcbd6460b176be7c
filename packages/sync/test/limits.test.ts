import { type Backend, delay, OmniError } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type Bandwidth, bandwidthAt, copy, migrate, type SyncOptions, type SyncProgress, sync } from "@omni/sync";
import { counted, harvest, interposed, listed, moment, plant } from "./trees.ts";
import { VirtualClock } from "./virtual-clock.ts";

async function twoStores(objects: number, bytes = 10): Promise<{ from: Backend; to: Backend }> {
  const [from, to] = [memory(), memory()];
  for (let i = 0; i < objects; i++)
    await from.write(`o${String(i).padStart(5, "0")}`, "x".repeat(bytes), { modifiedAt: moment(i) });
  return { from, to };
}

describe("bandwidth", () => {
  test("one KiB per second is what it says, over all copies together", async () => {
    const { from, to } = await twoStores(8, 4 * 1024);
    const clock = new VirtualClock();
    const report = await copy({ from, to, clock, bandwidth: 1024, transfers: 4 });
    expect(report.ok).toBe(true);
    // 32 KiB; the first slice does not wait, and each copy of four may be a slice ahead.
    expect(clock.now()).toBeGreaterThan(31_000);
    expect(clock.now()).toBeLessThan(33_000);
    expect(await harvest(to)).toEqual(await harvest(from));
  });

  test("a copy that crawls is ended by an abort at once, and leaves nothing", async () => {
    const { from, to } = await twoStores(1, 2_000_000);
    const controller = new AbortController();
    const reason = new Error("enough");
    const run = copy({
      from,
      to,
      bandwidth: 1024,
      signal: controller.signal,
      onProgress: ({ active }) => {
        if (active.some(({ bytes }) => bytes > 0)) controller.abort(reason);
      },
    });
    await expect(run).rejects.toBe(reason);
    expect(await listed(to)).toEqual([]);
  });

  test("a timetable holds from its times on, through midnight and the week", () => {
    const timetable: Bandwidth = [
      { at: "08:00", days: ["mon", "tue", "wed", "thu", "fri"], bytesPerSecond: 100 },
      { at: "18:30", days: ["mon", "tue", "wed", "thu"], bytesPerSecond: 1_000 },
      { at: "18:30", days: ["fri"] },
    ];
    // 2026-11-16 is a Monday; local time, as the timetable's.
    const at = (day: number, hours: number, minutes = 0): number | undefined =>
      bandwidthAt(timetable, new Date(2026, 10, day, hours, minutes));
    expect([at(16, 7, 59), at(16, 8), at(16, 18, 29), at(16, 18, 30), at(17, 3), at(20, 18, 30), at(22, 12), at(16, 12)]).toEqual([
      undefined,
      100,
      100,
      1_000,
      1_000,
      undefined,
      undefined,
      100,
    ]);
  });

  test("a timetable is obeyed while a copy runs", async () => {
    const { from, to } = await twoStores(1, 100_000);
    const clock = new VirtualClock(new Date(2026, 10, 16, 7, 59, 50).getTime());
    const began = clock.now();
    await copy({
      from,
      to,
      clock,
      bandwidth: [
        { at: "00:00", bytesPerSecond: 1_000 },
        { at: "08:00", bytesPerSecond: 90_000 },
      ],
    });
    // Ten seconds of 1,000 bytes, then the rest in one.
    expect(clock.now() - began).toBeGreaterThan(10_500);
    expect(clock.now() - began).toBeLessThan(12_000);
  });
});

test("transactionsPerSecond spaces the requests to the stores", async () => {
  const { from, to } = await twoStores(20);
  const clock = new VirtualClock();
  await copy({ from, to, clock, transactionsPerSecond: 10 });
  // A read and a write each: 40 requests.
  expect(clock.now()).toBeGreaterThanOrEqual(3_800);
  expect(clock.now()).toBeLessThan(4_300);
});

describe("maxDurationMs", () => {
  test("hard: breaks copies off, names them, leaves nothing torn and deletes nothing", async () => {
    const { from, to } = await twoStores(6, 10_000);
    await plant(to, { gone: "1", o00000: "old" });
    const report = await sync({
      from,
      to,
      clock: new VirtualClock(),
      bandwidth: 1_000,
      maxDurationMs: 15_000,
      transfers: 2,
      maxDelete: false,
    });
    expect(report).toMatchObject({ ok: false, complete: false, stopped: "maxDurationMs" });
    expect(report.failures.map(({ error }) => error.reason)).toContain("cut off by maxDurationMs: 15000");
    const there = await harvest(to);
    expect(there.gone).toBe("1");
    for (const text of Object.values(there)) expect(["1", "old", "x".repeat(10_000)]).toContain(text);
  });

  test("soft: lets them finish and begins no more", async () => {
    const { from, to } = await twoStores(6, 10_000);
    const report = await copy({
      from,
      to,
      clock: new VirtualClock(),
      bandwidth: 1_000,
      maxDurationMs: 15_000,
      transfers: 2,
      cutoff: "soft",
    });
    expect(report).toMatchObject({ ok: true, complete: false, stopped: "maxDurationMs", failures: [] });
    expect(report.counts.copied).toBeGreaterThan(0);
    expect(report.counts.copied).toBeLessThan(6);
    const rest = await copy({ from, to });
    expect(rest.counts.copied).toBe(6 - report.counts.copied);
  });
});

test.each([1, 3, 7])("no more than %p copies run at once", async (transfers) => {
  const { from, to } = await twoStores(30);
  let running = 0;
  let most = 0;
  const slow = interposed(to, {
    write: async (path, body, options) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      running--;
      return to.driver.write(path, body, options);
    },
  });
  await copy({ from, to: slow, transfers });
  expect(most).toBe(transfers);
});

test("maxFailures ends a run that only fails, and every failure is named", async () => {
  const { from, to } = await twoStores(50);
  const broken = faulty(from, [{ on: "read", do: "fail", error: () => new OmniError("PERMISSION_DENIED") }]);
  const report = await copy({ from: broken, to, maxFailures: 5, transfers: 1, checkers: 1 });
  expect(report).toMatchObject({ ok: false, complete: false, stopped: "maxFailures" });
  expect(report.failures.length).toBe(report.counts.failed);
  expect(report.counts.failed).toBeGreaterThanOrEqual(5);
  expect(report.counts.failed).toBeLessThan(9);
});

describe("large objects", () => {
  const BYTES = 20 * 1024 * 1024 + 7;
  const body = Buffer.alloc(BYTES, "0123456789abcdefghijklmnopqrstuvwxyz");

  test("are read in ranges, several at once, and arrive whole", async () => {
    const [from, to] = [memory(), memory()];
    await from.write("large", body);
    const source = counted(from);
    const report = await copy({ from: source.backend, to, rangesAboveBytes: 1024 * 1024, rangeStreams: 3 });
    expect(report).toMatchObject({ ok: true, bytes: BYTES, proofs: { digest: 1 } });
    expect(source.counts).toEqual({ list: 1, stat: 1, read: 3 });
    expect(Buffer.from(await (await to.read("large")).bytes()).equals(body)).toBe(true);
  });

  test("are never put together from two versions", async () => {
    const [from, to] = [memory(), memory()];
    await from.write("large", body);
    let reads = 0;
    const changing = interposed(from, {
      read: async (path, options) => {
        if (++reads === 3) await from.write("large", Buffer.alloc(BYTES, "z"));
        return from.driver.read(path, options);
      },
    });
    const report = await copy({ from: changing, to, rangesAboveBytes: 1024 * 1024, rangeStreams: 1 + 1 });
    expect(report.failures.map(({ error }) => error.code)).toEqual(["PRECONDITION_FAILED"]);
    expect(await listed(to)).toEqual([]);
  });
});

test("a copy in which nothing moves is given up and tried again", async () => {
  const { from, to } = await twoStores(1);
  const hanging = faulty(from, [{ on: "read", do: "hang", atByte: 3, times: 1 }]);
  const report = await copy({ from: hanging, to, timeoutMs: 100, retries: 1 });
  expect(report).toMatchObject({ ok: true, bytes: 10 });
  expect(hanging.faults.log.length).toBeGreaterThan(0);
});

test("progress only grows, names what is under way and ends with everything", async () => {
  const { from, to } = await twoStores(20, 1_000);
  const seen: SyncProgress[] = [];
  await copy({
    from,
    to,
    clock: new VirtualClock(),
    bandwidth: 2_000,
    transfers: 3,
    onProgress: (progress) => seen.push(progress),
  });
  const bytes = seen.map(({ done, active }) => active.reduce((sum, one) => sum + one.bytes, done.bytes));
  expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
  expect(Math.max(...seen.map(({ active }) => active.length))).toBe(3);
  expect(seen.some(({ etaMs, active }) => active.length > 0 && etaMs !== undefined && etaMs > 0)).toBe(true);
  expect(seen.some(({ active }) => active.some(({ etaMs }) => etaMs !== undefined && etaMs > 0))).toBe(true);
  expect(seen.at(-1)).toMatchObject({
    phase: "done",
    checked: 20,
    planned: { objects: 20, bytes: 20_000 },
    done: { objects: 20, bytes: 20_000 },
    active: [],
  });
});

describe("the journal", () => {
  test("may live on another store, and is one object after a clean run", async () => {
    const { from, to } = await twoStores(450);
    const journal = memory();
    expect((await migrate({ from, to, journal })).counts.copied).toBe(450);
    expect(await listed(journal)).toHaveLength(1);
    expect((await migrate({ from, to, journal })).evidence).toEqual({ record: 450 });
    await from.delete("o00000");
    await to.delete("o00000");
    await migrate({ from, to, journal });
    const [info] = await listed(journal);
    const text = await (await journal.read(info?.path ?? "")).text();
    expect(text.split("\n").filter((line) => line !== "")).toHaveLength(449);
  });

  test("is joined however long that takes, as long as it moves", async () => {
    const { from, to } = await twoStores(450);
    const clock = new VirtualClock();
    const kept = memory();
    async function* slowly(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        await delay(40_000, clock);
        yield chunk;
      }
    }
    const journal = interposed(kept, {
      write: (path, body, call) => kept.driver.write(path, body instanceof Uint8Array ? body : slowly(body), call),
    });
    const report = await migrate({ from, to, journal, clock, timeoutMs: 60_000 });
    expect(report.failures).toEqual([]);
    expect(clock.now()).toBeGreaterThan(600_000);
    expect(await listed(kept)).toHaveLength(1);
  });

  test("is refused where nothing can be created conditionally", async () => {
    const { from, to } = await twoStores(1);
    const { conditional: _conditional, ...features } = memory().driver.features;
    const journal = interposed(memory(), { features });
    await expect(migrate({ from, to, journal })).rejects.toThrow("a journal needs a store that creates conditionally");
  });

  test("is not written by a dry run", async () => {
    const { from, to } = await twoStores(3);
    const journal = memory();
    await migrate({ from, to, journal, dryRun: true });
    expect(await listed(journal)).toEqual([]);
  });

  test("that cannot be written makes the run fail, once everything else is done", async () => {
    const { from, to } = await twoStores(3);
    const journal = faulty(memory(), [{ on: "write", do: "fail", error: () => new OmniError("PERMISSION_DENIED") }]);
    const report = await migrate({ from, to, journal });
    expect(report.failures.map(({ error }) => error.code)).toEqual(["PERMISSION_DENIED"]);
    expect(await listed(to)).toHaveLength(3);
  });
});

test("verify: read says that what arrived was read back", async () => {
  const { from, to } = await twoStores(3);
  const plain = interposed(to, {
    features: { ...to.driver.features, hashes: [] },
    write: async (path, body, options) => ({ ...(await to.driver.write(path, body, options)), hashes: undefined }),
  });
  expect((await copy({ from, to: plain, verify: "read", ignoreTimes: true })).proofs).toEqual({ digest: 0, read: 3, size: 0 });
  expect((await copy({ from, to: plain, ignoreTimes: true })).proofs).toEqual({ digest: 0, read: 0, size: 3 });
  expect((await copy({ from, to, ignoreTimes: true })).proofs).toEqual({ digest: 3, read: 0, size: 0 });
});

test.each<[string, Partial<Record<keyof SyncOptions, unknown>>, string]>([
  ["no destination", { to: undefined }, "to is undefined; give a backend"],
  ["transfers", { transfers: 0 }, "transfers is 0; give a whole number, 1 or more"],
  ["checkers", { checkers: 1.5 }, "checkers is 1.5; give a whole number, 1 or more"],
  ["retries", { retries: -1 }, "retries is -1; give a whole number, 0 or more"],
  ["timeoutMs", { timeoutMs: 0 }, "timeoutMs is 0; give a number above 0"],
  ["bandwidth", { bandwidth: 0 }, "a bandwidth of 0 bytes per second; give 1 or more"],
  ["timetable", { bandwidth: [{ at: "25:00" }] }, 'the timetable\'s "25:00" is no time of day'],
  ["maxDelete", { maxDelete: "half" }, 'maxDelete is "half"; give a number of objects, a percentage'],
  ["maxTransferBytes", { maxTransferBytes: -1 }, "maxTransferBytes is -1"],
  ["copyDest", { copyDest: "x/", compareDest: { backend: memory() } }, "compareDest and copyDest are one place each"],
])("bad input is refused before anything is done: %s", async (_name, wrong, message) => {
  const { from, to } = await twoStores(1);
  const error = await sync({ from, to, ...wrong } as SyncOptions).catch((thrown: unknown) => thrown);
  expect(OmniError.is(error, "INVALID_ARGUMENT") && error.message).toContain(message);
  expect(await listed(to)).toEqual([]);
});
