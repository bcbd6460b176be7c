import { type CloudDefinition, defineClouds, type MigratingBackend, migrating, type Rule, type StoredObject } from "@omni/cloud";
import { sqliteCatalogue } from "@omni/cloud/sqlite";
import { type Backend, OmniError } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";

const PLACES = ["eu", "uk", "us"] as const;
const LEAVES = ["a", "b", "c", "d", "old", "fresh"] as const;
const NAMES = [...LEAVES, "group", "moving"] as const;
type Name = (typeof NAMES)[number];
const TENANTS = ["x", "y", "z"] as const;

type FaultyBackend = ReturnType<typeof faulty<Backend>>;

interface Layout {
  readonly catalogued: boolean;
  readonly places: readonly (readonly string[])[];
  readonly group: readonly Name[];
  readonly rules: readonly { readonly to: readonly Name[]; readonly residency: readonly string[] | undefined }[];
}

type Step =
  | { readonly do: "insert"; readonly tenant: number; readonly stream: boolean }
  | { readonly do: "copy" | "move" | "load" | "read" | "scope"; readonly object: number; readonly to: number }
  | { readonly do: "phase" }
  | { readonly do: "migrate"; readonly from: number; readonly to: number }
  | { readonly do: "break"; readonly to: number }
  | { readonly do: "mend"; readonly to: number };

const layouts: fc.Arbitrary<Layout> = fc.record({
  catalogued: fc.boolean(),
  places: fc.array(fc.subarray([...PLACES], { maxLength: 2 }), { minLength: 6, maxLength: 6 }),
  group: fc.subarray(["a", "b", "c", "d"] as const, { minLength: 2, maxLength: 2 }),
  rules: fc.array(
    fc.record({
      to: fc.shuffledSubarray([...NAMES], { minLength: 1 }),
      residency: fc.option(fc.subarray([...PLACES], { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 4 }),
    }),
    { minLength: 3, maxLength: 3 },
  ),
});

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("insert" as const), tenant: fc.nat(2), stream: fc.boolean() }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom("copy" as const, "move" as const, "load" as const, "read" as const, "scope" as const),
        object: fc.nat(20),
        to: fc.nat(7),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("migrate" as const), from: fc.nat(7), to: fc.nat(7) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("phase" as const) }) },
    {
      weight: 2,
      arbitrary: fc.oneof(
        fc.record({ do: fc.constant("break" as const), to: fc.nat(5) }),
        fc.record({ do: fc.constant("mend" as const), to: fc.nat(5) }),
      ),
    },
  ),
  { minLength: 4, maxLength: 25 },
);

/** One run: stores that may fail, the clouds over them, and what must never be where. */
class World {
  readonly leaves = new Map<Name, FaultyBackend>();
  readonly #places = new Map<Backend, readonly string[]>();
  readonly #allowed = new Map<string, readonly string[] | undefined>();
  readonly #objects: StoredObject<Name>[] = [];
  readonly #clouds;
  readonly #layout: Layout;
  readonly #scopes: AsyncDisposable[] = [];
  #moving: MigratingBackend | undefined;
  stayed = 0;
  migrated = 0;

  constructor(layout: Layout) {
    this.#layout = layout;
    const definitions = Object.fromEntries(LEAVES.map((name, index) => [name, this.#leaf(name, layout.places[index] ?? [])]));
    const group: CloudDefinition = { members: layout.group, combine: (members) => multi(members, { mode: "best-effort" }) };
    const moving: CloudDefinition = {
      members: ["old", "fresh"],
      combine: ([old, fresh]) => {
        const backend = migrating(old.backend, fresh.backend, { records: memory(), name: "m" });
        this.#moving ??= backend;
        return backend;
      },
    };
    this.#clouds = defineClouds({ ...definitions, group, moving } as Record<Name, CloudDefinition>, {
      env: {},
      catalogue: layout.catalogued ? sqliteCatalogue(":memory:") : undefined,
      breaker: { failures: 2, openMs: 1 },
      replayBytes: 64,
      // By function, so that what a list names is not refused before it can do harm.
      route: layout.rules.map(
        ({ to, residency }, index): Rule<Name> => ({ when: { tenant: TENANTS[index] as string }, to: () => to, residency }),
      ),
    });
  }

  #leaf(name: Name | undefined, places: readonly string[]): CloudDefinition {
    const backend = faulty(memory(), []);
    if (name) this.leaves.set(name, backend);
    this.#places.set(backend, places);
    return { backend, residency: places };
  }

  async take(step: Step, index: number): Promise<void> {
    try {
      await this.#take(step, index);
    } catch (error) {
      // What may fail here is an outage, a residency that nothing meets, and what follows from both.
      if (!OmniError.is(error)) throw error;
    }
  }

  async #take(step: Step, index: number): Promise<void> {
    if (step.do === "insert") return this.#insert(step, index);
    if (step.do === "break")
      return this.leaves.get(LEAVES[step.to] as Name)?.faults.add({ on: ["write", "stage"], do: "fail", atByte: 3 });
    if (step.do === "phase") return this.#nextPhases();
    if (step.do === "migrate") {
      const report = await this.#clouds.migrate({ from: NAMES[step.from] as Name, to: NAMES[step.to] as Name, retries: 0 });
      this.migrated += report.counts.copied;
      return;
    }
    if (step.do === "mend") return this.leaves.get(LEAVES[step.to] as Name)?.faults.clear();
    const object = this.#objects[step.object % this.#objects.length];
    const to = NAMES[step.to] as Name;
    if (!object) return;
    if (step.do === "scope") return this.#inScope(object, LEAVES[step.to % 6] as Name);
    if (step.do === "copy") this.#objects.push(await this.#clouds.copyObject(object, to));
    else if (step.do === "move") this.#objects.push(await this.#clouds.move(object, { to }));
    else if (step.do === "load") this.#objects.push(await this.#clouds.cloud(to).insert(await this.#clouds.load(object)));
    else await (await this.#clouds.read(object)).bytes();
  }

  async #insert({ tenant, stream }: Step & { do: "insert" }, index: number): Promise<void> {
    const marker = `file-${index}-${"x".repeat(40)}`;
    const rule = this.#layout.rules[tenant];
    this.#allowed.set(marker, rule?.residency);
    const bytes = Buffer.from(marker);
    async function* chunks() {
      yield bytes.subarray(0, 9);
      yield bytes.subarray(9);
    }
    this.#objects.push(await this.#clouds.insert(stream ? chunks() : bytes, { tenant: TENANTS[tenant] as string, filename: "f" }));
    if (rule?.residency) this.stayed += 1;
  }

  /** Copies an object in a scope whose cloud of that name is somewhere else. */
  async #inScope(object: StoredObject<Name>, name: Name): Promise<void> {
    const scope = this.#clouds.scoped({ [name]: this.#leaf(undefined, ["us"]) } as Partial<Record<Name, CloudDefinition>>);
    this.#scopes.push(scope);
    await scope.run(() => this.#clouds.copyObject(object, name));
  }

  /** Brings the move from one store to the other on by two phases, with all that it copies. */
  async #nextPhases(): Promise<void> {
    await this.#clouds.moving.backend();
    for (let count = 0; count < 2; count += 1) {
      const migration = this.#moving?.migration;
      const phase = await migration?.phase();
      if (phase === "backfill") this.migrated += (await migration?.backfill())?.copied ?? 0;
      if (phase === "verify") await migration?.verify();
      await migration?.advance();
    }
  }

  async close(): Promise<void> {
    for (const scope of this.#scopes) await scope[Symbol.asyncDispose]();
    await this.#clouds.close();
  }

  /** Every marker that is somewhere it must not be. */
  async strays(): Promise<string[]> {
    const strays: string[] = [];
    for (const [backend, places] of this.#places)
      for await (const { path } of backend.list()) {
        const marker = await (await backend.read(path)).text();
        const allowed = this.#allowed.get(marker);
        if (allowed && !(places.length > 0 && places.every((place) => allowed.includes(place))))
          strays.push(`${marker} of ${allowed.join()} in ${places.join() || "an unknown place"}`);
      }
    return strays;
  }
}

const runs = propertyRuns({ name: "cloud-residency", push: 200, test: 100 });

test("a file whose rule says where it must stay is never anywhere else", async () => {
  let stayed = 0;
  let migrated = 0;
  const property = fc.asyncProperty(layouts, steps, async (layout, todo) => {
    const world = new World(layout);
    for (const [index, step] of todo.entries()) await world.take(step, index);
    expect(await world.strays()).toEqual([]);
    await world.close();
    stayed += world.stayed;
    migrated += world.migrated;
  });
  for (const parameters of runs.parameters) await fc.assert(property, parameters);
  // Otherwise nothing was put to the test; a few runs alone may have little luck.
  expect(stayed).toBeGreaterThanOrEqual(Math.max(0, runs.numRuns / 3 - 15));
  if (runs.numRuns >= 100) expect(migrated).toBeGreaterThan(0);
}, 900_000);
