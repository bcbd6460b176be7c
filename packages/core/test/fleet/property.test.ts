import { type Backend, delay } from "@omni/core";
import { type Fleet, fleet, type Membership } from "@omni/core/fleet";
import { memory } from "@omni/memory";
import { propertyRuns } from "@omni/property";
import { seeded, slowBackend, VirtualTime } from "@omni/virtual-time";
import fc from "fast-check";

const STATES = ["one", "two", "three", "four", "five"];
const LEASE_MS = 1_000;
const SKEW_MS = 200;

/** What is running anywhere, and whether it was ever more than one state apart. */
class Watch {
  readonly #running = new Map<symbol, number>();
  readonly violations: string[] = [];
  begun = 0;

  begin(state: string): symbol {
    const token = Symbol(state);
    this.#running.set(token, STATES.indexOf(state));
    this.begun += 1;
    const at = [...this.#running.values()];
    if (Math.max(...at) - Math.min(...at) > 1) this.violations.push(at.map((index) => STATES[index]).join(" beside "));
    return token;
  }

  end(token: symbol): void {
    this.#running.delete(token);
  }
}

/** Works, pauses, works, and breaks off when it is told to. */
async function worker(membership: Membership, workMs: readonly number[], watch: Watch, time: VirtualTime): Promise<void> {
  for (const ms of workMs) {
    await membership
      .run(async ({ state, signal }) => {
        const token = watch.begin(state);
        await delay(ms, time, signal).finally(() => watch.end(token));
      })
      .catch(() => delay(300, time));
    await delay(ms % 50, time);
  }
  await membership.leave();
}

async function mover(moves: readonly number[], pauseMs: number, one: Fleet, time: VirtualTime): Promise<void> {
  for (const step of moves) {
    const at = STATES.indexOf((await one.state().catch(() => undefined))?.state ?? "");
    const to = STATES[at + step];
    if (at >= 0 && to) {
      await one.move(to).catch(() => undefined);
    }
    await delay(pauseMs, time);
  }
}

const scenario = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  workers: fc.array(fc.array(fc.integer({ min: 1, max: 2_500 }), { minLength: 5, maxLength: 30 }), { minLength: 1, maxLength: 4 }),
  movers: fc.array(fc.array(fc.constantFrom(1, 1, 1, -1), { maxLength: 6 }), { minLength: 1, maxLength: 2 }),
  moverPauseMs: fc.constantFrom(1, 100, 700),
  /** How long a request or an answer takes at most. */
  latencyMs: fc.constantFrom(4, 60),
  failing: fc.constantFrom(0, 0, 0.1, 0.4),
  /** How often one takes up to four leases instead. */
  stalling: fc.constantFrom(0, 0.02, 0.1, 0.3),
});

test("two instances are never more than one state apart, whatever is slow, stalls or fails", async () => {
  const property = fc.asyncProperty(scenario, async ({ seed, workers, movers, moverPauseMs, latencyMs, failing, stalling }) => {
    const time = new VirtualTime();
    const watch = new Watch();
    const chance = seeded(seed);
    const shared = memory();
    const open = (instance: string, stalling: number): Fleet => {
      const pauseMs = (): number => (chance() < stalling ? chance() * 4 * LEASE_MS : chance() * latencyMs);
      const backend: Backend = slowBackend(shared, time, { pauseMs, losesRequest: () => chance() < failing });
      return fleet({
        backend,
        name: "f",
        states: STATES,
        instance,
        leaseMs: LEASE_MS,
        skewMs: SKEW_MS,
        clock: time,
        monotonic: () => time.now(),
      });
    };
    const parts = workers.map(async (workMs, index) => {
      const membership = await open(`worker-${index}`, stalling)
        .join()
        .catch(() => undefined);
      if (membership) await worker(membership, workMs, watch, time);
    });
    const moves = movers.map((steps, index) => mover(steps, moverPauseMs, open(`mover-${index}`, stalling / 10), time));
    await time.until(Promise.all([...parts, ...moves]));
    expect(watch.violations).toEqual([]);
  });
  for (const parameters of propertyRuns({ name: "fleet" }).parameters) await fc.assert(property, parameters);
}, 600_000);
