import type { DriverDelivery, DriverSubscription, WireMessage } from "@omni/core/queue";
import { encodeMessage } from "@omni/core/queue";
import { type MemoryQueueDriver, memoryDriver, memoryQueue } from "@omni/queue-memory";
import { StepClock } from "@omni/virtual-time";
import fc from "fast-check";

const RUNS = Number(process.env.OMNI_RUNS ?? 300);
const TOPIC = "t";
const CAPACITY = 8;
const DEADLINE_MS = 50;

interface Entry {
  readonly sequence: number;
  attempt: number;
  /** When it may be delivered. */
  dueAt: number;
  /** Of a delivery that is out. */
  expiresAt: number;
  out: boolean;
}

/** What a group is: every message once, until it is settled. About as much as the promise. */
class ModelGroup {
  entries: Entry[] = [];

  add(sequence: number): void {
    this.entries.push({ sequence, attempt: 0, dueAt: 0, expiresAt: 0, out: false });
  }

  /** Deadlines that have passed. */
  settleTime(now: number): void {
    for (const entry of this.entries) {
      if (!entry.out || entry.expiresAt > now) continue;
      entry.out = false;
      entry.dueAt = 0;
    }
  }

  /** The next to be delivered: what comes again first, then what is new, each in publish order. */
  next(now: number): Entry | undefined {
    const ready = this.entries.filter((entry) => !entry.out && entry.dueAt <= now);
    return ready.find((entry) => entry.attempt > 0) ?? ready[0];
  }
}

interface Real {
  readonly driver: MemoryQueueDriver;
  readonly clock: StepClock;
  readonly groups: Map<
    string,
    { readonly model: ModelGroup; readonly subscription: DriverSubscription; readonly out: Map<Entry, DriverDelivery> }
  >;
  readonly stored: number[];
  published: number;
}

async function wire(text: string): Promise<WireMessage> {
  const queue = memoryQueue();
  const { message } = await queue.publish({ topic: TOPIC, id: text, data: text });
  await queue.close();
  return encodeMessage(message);
}

function backlog(real: Real): number {
  if (real.groups.size === 0) return Math.min(real.stored.length, CAPACITY);
  return Math.max(...[...real.groups.values()].map(({ model }) => model.entries.length));
}

async function publish(real: Real, count: number): Promise<void> {
  const batch = await Promise.all(Array.from({ length: count }, (_, i) => wire(String(real.published + i))));
  const room = Math.max(0, CAPACITY - backlog(real));
  const outcomes = await real.driver.publish(TOPIC, batch, {});
  expect(outcomes.map(({ state }) => state)).toEqual(batch.map((_, i) => (i < room ? "acked" : "rejected")));
  for (let i = 0; i < Math.min(room, count); i++) {
    real.stored.push(real.published + i);
    for (const { model } of real.groups.values()) model.add(real.published + i);
  }
  real.published += count;
}

async function join(real: Real, name: string, from: "earliest" | "latest"): Promise<void> {
  if (real.groups.has(name)) return;
  const subscription = await real.driver.subscribe(TOPIC, { group: name, from, maxInFlight: 1_000 });
  const model = new ModelGroup();
  if (from === "earliest") for (const sequence of real.stored.slice(-CAPACITY)) model.add(sequence);
  real.groups.set(name, { model, subscription, out: new Map() });
}

async function take(real: Real, name: string): Promise<void> {
  const group = real.groups.get(name);
  const expected = group?.model.next(real.clock.now());
  if (!group || !expected) return;
  const delivery = await group.subscription.next();
  expected.attempt += 1;
  const seen = delivery && { sequence: Number(Buffer.from(delivery.message.body).toString()), attempt: delivery.attempt };
  expect(seen).toEqual({ sequence: expected.sequence, attempt: expected.attempt });
  expected.out = true;
  expected.expiresAt = real.clock.now() + DEADLINE_MS;
  group.out.set(expected, delivery as DriverDelivery);
}

async function settle(
  real: Real,
  name: string,
  which: number,
  how: "ack" | "term" | "nack" | "extend",
  delayMs: number,
): Promise<void> {
  const group = real.groups.get(name);
  const [entry, delivery] = [...(group?.out ?? [])][which % Math.max(1, group?.out.size ?? 0)] ?? [];
  if (!group || !entry || !delivery) return;
  const attempt = delivery.attempt;
  const call = (): unknown => (how === "nack" ? delivery.nack(delayMs) : how === "term" ? delivery.term("test") : delivery[how]());
  if (!entry.out || entry.attempt !== attempt) {
    // Its time was over.
    expect(call).toThrow(expect.objectContaining({ code: "PRECONDITION_FAILED" }));
    group.out.delete(entry);
    return;
  }
  call();
  if (how === "extend") {
    entry.expiresAt = real.clock.now() + DEADLINE_MS;
    return;
  }
  group.out.delete(entry);
  if (how === "nack") Object.assign(entry, { out: false, dueAt: delayMs === 0 ? 0 : real.clock.now() + delayMs });
  else group.model.entries = group.model.entries.filter((other) => other !== entry);
}

function pass(real: Real, ms: number): void {
  for (let i = 0; i < ms; i++) {
    real.clock.pass(1);
    for (const { model } of real.groups.values()) model.settleTime(real.clock.now());
  }
}

async function look(real: Real): Promise<void> {
  const seen: number[] = [];
  for await (const { body } of real.driver.browse(TOPIC, {})) seen.push(Number(Buffer.from(body).toString()));
  expect(seen).toEqual(real.stored.slice(-CAPACITY));
  for (const [name, { model }] of real.groups) {
    expect((await real.driver.stats?.({ topic: TOPIC, group: name }))?.pending).toBe(model.entries.length);
  }
}

const GROUP = fc.constantFrom("a", "a", "a", "b");
const STEP = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("join" as const),
      group: GROUP,
      from: fc.constantFrom("earliest" as const, "latest" as const),
    }),
  },
  { weight: 7, arbitrary: fc.record({ do: fc.constant("take" as const), group: GROUP }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      group: GROUP,
      which: fc.nat(5),
      how: fc.constantFrom("ack" as const, "ack" as const, "term" as const, "nack" as const, "extend" as const),
      delayMs: fc.constantFrom(0, 5, 70),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1, 10, 30, 60) }) },
  { weight: 1, arbitrary: fc.constant({ do: "look" as const }) },
);

test("any sequence of calls does what the model does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 120, size: "max" }), async (steps) => {
      const clock = new StepClock();
      const driver = memoryDriver({ capacity: CAPACITY, whenFull: "reject", ackDeadlineMs: DEADLINE_MS, clock });
      const real: Real = { driver, clock, groups: new Map(), stored: [], published: 0 };
      await join(real, "a", "earliest");
      for (const step of steps) {
        if (step.do === "publish") await publish(real, step.count);
        else if (step.do === "join") await join(real, step.group, step.from);
        else if (step.do === "take") await take(real, step.group);
        else if (step.do === "settle") await settle(real, step.group, step.which, step.how, step.delayMs);
        else if (step.do === "pass") pass(real, step.ms);
        else await look(real);
      }
      await look(real);
      await driver.close?.({});
    }),
    { numRuns: RUNS },
  );
}, 120_000);
