import { type MigratingBackend, migrating, type Phase } from "@omni/cloud";
import { type Backend, delay, OmniError } from "@omni/core";
import { memory } from "@omni/memory";
import { propertyRuns } from "@omni/property";
import { seeded, slowBackend, type Trouble, VirtualTime } from "@omni/virtual-time";
import fc from "fast-check";
import { History } from "./history.ts";

const LEASE_MS = 1_000;
const PATHS = ["a", "b"] as const;

type Step = {
  readonly path: (typeof PATHS)[number];
  readonly what: "write" | "stream" | "delete" | "read";
  readonly pauseMs: number;
};

const step: fc.Arbitrary<Step> = fc.record({
  path: fc.constantFrom(...PATHS),
  what: fc.constantFrom("write", "write", "stream", "delete", "read", "read"),
  pauseMs: fc.integer({ min: 0, max: 700 }),
});

const scenario = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  there: fc.subarray([...PATHS]),
  /** Each instance: when it starts, what it does, and when it is killed, if it is. */
  instances: fc.array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 3_000 }),
      steps: fc.array(step, { minLength: 1, maxLength: 40 }),
      dieMs: fc.option(fc.integer({ min: 0, max: 12_000 })),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  /** Where the migration is when the instances start: the later phases, where the direction turns, are reached by few runs otherwise. */
  begins: fc.constantFrom<Phase>("old-only", "old-only", "verify", "read-new", "reverse-dual"),
  /** Whether the mover goes on or back at each turn, before it goes to the end. */
  turns: fc.array(fc.boolean(), { maxLength: 8 }),
  latencyMs: fc.constantFrom(5, 60),
  losing: fc.constantFrom(0, 0, 0.03, 0.15),
  stalling: fc.constantFrom(0, 0, 0.02),
  /** One of the stores is down for a while. */
  outages: fc.array(
    fc.record({
      store: fc.constantFrom("from", "to", "records"),
      beginMs: fc.integer({ min: 0, max: 25_000 }),
      lastsMs: fc.integer({ min: 100, max: 5_000 }),
    }),
    { maxLength: 4 },
  ),
});

interface Outage {
  readonly store: "from" | "to" | "records";
  readonly beginMs: number;
  readonly lastsMs: number;
}

/** All that goes on in one run. */
class World {
  readonly time = new VirtualTime();
  readonly histories = new Map(PATHS.map((path) => [path, new History()] as const));
  readonly violations: string[] = [];
  readonly #stores = { from: memory(), to: memory(), records: memory() };
  readonly #chance: () => number;
  #start = Number.POSITIVE_INFINITY;
  #written = 0;

  readonly #outages: readonly Outage[];

  constructor(seed: number, outages: readonly Outage[]) {
    this.#chance = seeded(seed);
    this.#outages = outages;
  }

  /** From here on stores may be down, and programs die. */
  start(): number {
    this.#start = this.time.now();
    return this.#start;
  }

  /** How long the mover stays where it is. */
  pauseMs(): number {
    return this.#chance() * 3_000;
  }

  async put(path: (typeof PATHS)[number]): Promise<void> {
    const change = this.history(path).begin("before", 0);
    await this.#stores.from.write(path, "before");
    change.ended = 0;
  }

  open(instance: string, latencyMs: number, trouble: { losing: number; stalling: number; dieAt: number }): MigratingBackend {
    // The network heals at last, so that every run comes to its end.
    const happens = (how: number) => () => this.#chance() < how && this.time.now() < this.#start + 25_000;
    const way: Trouble = {
      pauseMs: () => this.#chance() * (happens(trouble.stalling)() ? 3 * LEASE_MS : latencyMs),
      losesRequest: happens(trouble.losing),
      losesAnswer: happens(trouble.losing),
      isDead: () => this.time.now() >= trouble.dieAt,
    };
    const reach = (store: Outage["store"]): Backend => {
      const losesRequest = (): boolean => this.#isDown(store) || way.losesRequest?.() === true;
      return slowBackend(this.#stores[store], this.time, { ...way, losesRequest });
    };
    return migrating(reach("from"), reach("to"), {
      records: reach("records"),
      name: "m",
      instance,
      leaseMs: LEASE_MS,
      skewMs: 200,
      clock: this.time,
      monotonic: () => this.time.now(),
    });
  }

  #isDown(store: Outage["store"]): boolean {
    const since = this.time.now() - this.#start;
    return this.#outages.some(
      (outage) => outage.store === store && since >= outage.beginMs && since < outage.beginMs + outage.lastsMs,
    );
  }

  history(path: (typeof PATHS)[number]): History {
    return this.histories.get(path) as History;
  }

  async take(one: MigratingBackend, { path, what }: Step): Promise<void> {
    if (what === "read") return this.#look(one, path);
    this.#written += 1;
    const written = what === "delete" ? undefined : `text ${this.#written}`;
    const change = this.history(path).begin(written, this.time.now());
    try {
      if (written === undefined) await one.delete(path);
      else if (what === "write") await one.write(path, new TextEncoder().encode(written));
      else await one.write(path, pieces(written));
      change.ended = this.time.now();
    } catch (error) {
      if (OmniError.is(error) && error.outcome === "not-applied") change.void = true;
    }
  }

  async #look(one: MigratingBackend, path: (typeof PATHS)[number]): Promise<void> {
    const begun = this.time.now();
    try {
      this.#judge("read", path, await (await one.read(path)).text(), begun);
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) this.#judge("read", path, undefined, begun);
    }
  }

  /** What the new store shows; and while there is a way back, the old one shows the same. */
  async judgeStores(when: string, areAlike: boolean): Promise<void> {
    for (const path of PATHS) {
      const [old, fresh] = [await textOf(this.#stores.from, path), await textOf(this.#stores.to, path)];
      this.#judge(when, path, fresh, this.time.now());
      if (areAlike && old !== fresh)
        this.violations.push(`${when}: ${path} is ${old} in the old store and ${fresh} in the new one`);
    }
  }

  #judge(when: string, path: (typeof PATHS)[number], seen: string | undefined, begun: number): void {
    const now = this.time.now();
    if (!this.history(path).allows(seen, begun, now))
      this.violations.push(`${when} ${begun}..${now}: ${path} shows ${seen ?? "nothing"}; ${this.history(path)}`);
  }
}

async function textOf(store: Backend, path: string): Promise<string | undefined> {
  return (await store.exists(path)) ? (await store.read(path)).text() : undefined;
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  for (const letter of text) yield new TextEncoder().encode(letter);
}

/** Brings the migration to a phase while nothing goes wrong and nobody else is there. */
async function lead({ migration, close }: MigratingBackend, to: Phase): Promise<void> {
  for (let phase = await migration.phase(); phase !== to; phase = await migration.advance()) {
    if (phase === "backfill") await migration.backfill();
    if (phase === "verify") await migration.verify();
  }
  await close();
}

/** Goes on and back as told, then to the end, trying again whatever fails. */
async function moveAll(
  { migration }: MigratingBackend,
  turns: readonly boolean[],
  world: World,
  rest: Promise<unknown>,
): Promise<void> {
  /** The last phase has no way back: it comes when all the rest is done. */
  let isLast = false;
  const one = async (isOn: boolean): Promise<void> => {
    const phase = await migration.phase();
    if (isOn && phase === "reverse-dual" && !isLast) return;
    if (!isOn && phase !== "old-only" && phase !== "new-only") await migration.rollback();
    if (!isOn) return;
    if (phase === "backfill" || phase === "verify") await migration.backfill({ concurrency: 2 });
    if (phase === "verify") await migration.verify({ concurrency: 2 });
    await migration.advance();
  };
  for (const isOn of turns) {
    await one(isOn).catch(() => undefined);
    await delay(world.pauseMs(), world.time);
  }
  while ((await migration.phase().catch(() => "?")) !== "reverse-dual") {
    await one(true).catch(() => undefined);
    await delay(world.pauseMs(), world.time);
  }
  await rest;
  while ((await migration.settle().catch(() => 1)) > 0) await delay(100, world.time);
  await world.judgeStores("before the last phase", true);
  isLast = true;
  while ((await migration.phase().catch(() => "?")) !== "new-only") await one(true).catch(() => delay(100, world.time));
}

test("nothing acknowledged is lost and nothing deleted comes back, whoever writes while the application moves", async () => {
  const property = fc.asyncProperty(
    scenario,
    async ({ seed, there, begins, instances, turns, latencyMs, losing, stalling, outages }) => {
      const world = new World(seed, outages);
      for (const path of there) await world.put(path);
      const opener = world.open("opener", 1, { losing: 0, stalling: 0, dieAt: Number.POSITIVE_INFINITY });
      await world.time.until(lead(opener, begins));
      const start = world.start();
      const living = instances.map(async ({ startMs, steps, dieMs }, index) => {
        const dieAt = dieMs === null ? Number.POSITIVE_INFINITY : start + dieMs;
        await delay(startMs, world.time);
        const one = world.open(`instance-${index}`, latencyMs, { losing, stalling, dieAt });
        const work = (async () => {
          for (const next of steps) {
            await world.take(one, next);
            await delay(next.pauseMs, world.time);
          }
          await one.close();
        })();
        // A dead one's last call never ends.
        await (dieMs === null ? work : Promise.race([work, delay(startMs + dieMs, world.time)]));
      });
      const mover = world.open("mover", latencyMs, { losing, stalling: 0, dieAt: Number.POSITIVE_INFINITY });
      await world.time.until(moveAll(mover, turns, world, Promise.all(living)).then(() => mover.close()));
      await world.judgeStores("at the end", false);
      expect(world.violations).toEqual([]);
    },
  );
  for (const parameters of propertyRuns({ name: "migrating" }).parameters) await fc.assert(property, parameters);
}, 900_000);
