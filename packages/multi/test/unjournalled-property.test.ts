import { type Backend, collect, createBackend, MultiError, OmniError, type StagedWrite, wrap } from "@omni/core";
import { type FaultControl, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, multi, WRITE_MODES, type WriteMode, type WriteOutcome } from "@omni/multi";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { AutoClock } from "./auto-clock.ts";
import { watched } from "./journal/crash/stores.ts";
import { type EndsAt, Mortal } from "./mortal.ts";
import { TROUBLES, type Trouble } from "./quorum-run.ts";

const PATH = "dir/object.txt";

const trouble = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Trouble>("none") },
  { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(TROUBLES) as Trouble[])) },
);
/** A process that does one thing, with troubles of its own. */
const step = fc.record({
  does: fc.constantFrom("write", "stream", "write", "stream", "delete", "repair", "read"),
  endsAt: fc.option(fc.record({ call: fc.integer({ min: 1, max: 20 }), after: fc.boolean() }), { nil: undefined, freq: 3 }),
  troubles: fc.array(trouble, { minLength: 4, maxLength: 4 }),
});
const round = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 3 }), flush: fc.boolean() });
const scenario = fc.record({
  mode: fc.constantFrom<WriteMode>(...WRITE_MODES),
  count: fc.integer({ min: 1, max: 4 }),
  rounds: fc.array(round, { minLength: 1, maxLength: 5 }),
});

interface Step {
  readonly does: string;
  readonly endsAt: EndsAt | undefined;
  readonly troubles: readonly Trouble[];
}

/** What somebody was told of a write. */
interface Told {
  readonly text: string;
  /** What of it each store took from its own writer; repairs may have brought it elsewhere. */
  readonly own: readonly ReadonlySet<string>[];
  readonly resolved: boolean;
  readonly notApplied: boolean;
  readonly outcomes: readonly WriteOutcome[];
}

/** A store that notes which bodies it shows. */
function noting({ driver }: Backend, note: (text: string) => void): Backend {
  const textOf = async (body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array> =>
    body instanceof Uint8Array ? body : collect(body);
  return createBackend(
    wrap(driver, {
      async write(path, body, options) {
        const bytes = await textOf(body);
        const info = await driver.write(path, bytes, options);
        note(Buffer.from(bytes).toString());
        return info;
      },
      async stage(path, body, options) {
        const bytes = await textOf(body);
        const staged = (await driver.stage?.(path, bytes, options)) as StagedWrite;
        const commit: StagedWrite["commit"] = async (given) => {
          const info = await staged.commit(given);
          note(Buffer.from(bytes).toString());
          return info;
        };
        return { ...staged, token: staged.token, state: staged.state, commit, discard: (given) => staged.discard(given) };
      },
    }),
  );
}

class Run {
  readonly clock = new AutoClock();
  /** What every store ever showed. */
  readonly taken: readonly Set<string>[];
  readonly stores: readonly Backend[];
  readonly told: Told[] = [];
  readonly #mode: WriteMode;
  readonly #written = new Set<string>();
  readonly #faults: FaultControl[] = [];
  readonly #groups: { readonly group: MultiBackend; hasEnded: boolean }[] = [];

  constructor(mode: WriteMode, count: number) {
    this.#mode = mode;
    this.taken = Array.from({ length: count }, () => new Set<string>());
    this.stores = this.taken.map((taken) => noting(memory({ clock: this.clock }), (text) => taken.add(text)));
  }

  /** One process: it does one thing, or ends while it does. */
  async do({ does, endsAt, troubles }: Step): Promise<void> {
    const process = new Mortal();
    const own = this.stores.map(() => new Set<string>());
    const noted = this.stores.map((store, at) => noting(store, (text) => own[at]?.add(text)));
    const members = noted.map((store, at) => faulty(store, TROUBLES[troubles[at] as Trouble], { clock: this.clock }));
    this.#faults.push(...members.map(({ faults }) => faults));
    const through = members.map(({ driver }) => createBackend(watched(driver, process.around), { clock: this.clock }));
    const options = { mode: this.#mode, clock: this.clock, memberTimeoutMs: 1_000, laggardMs: 50, stageAboveBytes: 64 };
    const one = { group: multi(through, options), hasEnded: false };
    this.#groups.push(one);
    const ended = process.end(endsAt).then(() => {
      one.hasEnded = true;
    });
    await Promise.race([this.#perform(one.group, does, own), ended]);
  }

  async #perform(group: MultiBackend, does: string, own: Told["own"]): Promise<void> {
    try {
      if (does === "write" || does === "stream") await this.#write(group, does, own);
      else if (does === "delete") await group.delete(PATH);
      else if (does === "repair") await group.repair();
      else this.#checkWhole(await (await group.read(PATH)).text());
    } catch (error) {
      if (!OmniError.is(error)) throw error;
    }
  }

  async #write(group: MultiBackend, does: string, own: Told["own"]): Promise<void> {
    const text = `body ${this.#written.size} `.repeat(does === "stream" ? 20 : 2);
    this.#written.add(text);
    async function* stream(): AsyncGenerator<Uint8Array, void> {
      for (let at = 0; at < text.length; at += 50) yield Buffer.from(text.slice(at, at + 50));
    }
    try {
      const { outcomes } = await group.write(PATH, does === "stream" ? stream() : text);
      this.told.push({ text, own, resolved: true, notApplied: false, outcomes });
    } catch (error) {
      if (!MultiError.is(error)) throw error;
      const outcomes = error.outcomes as readonly WriteOutcome[];
      this.told.push({ text, own, resolved: false, notApplied: error.outcome === "not-applied", outcomes });
    }
  }

  #checkWhole(text: string): void {
    if (!this.#written.has(text)) throw new Error(`nobody wrote ${JSON.stringify(text)}`);
  }

  /** Every store holds a whole object that somebody wrote, or nothing. */
  async checkStores(): Promise<void> {
    for (const store of this.stores) {
      const text = await this.#textAt(store);
      if (text !== undefined) this.#checkWhole(text);
    }
    for (const taken of this.taken) for (const text of taken) this.#checkWhole(text);
  }

  /** Deletes that were late may still go on. */
  async #textAt(store: Backend): Promise<string | undefined> {
    try {
      return await (await store.read(PATH)).text();
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }

  async flush(): Promise<void> {
    for (const control of this.#faults) {
      control.release();
      await control.flush();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#groups.filter(({ hasEnded }) => !hasEnded).map(({ group }) => group.close()));
  }
}

describe("a group without a journal under crashes, concurrent writers, deletes and repairs, late and lost requests", () => {
  const property = fc.asyncProperty(scenario, async ({ mode, count, rounds }) => {
    const run = new Run(mode, count);
    for (const { steps, flush } of rounds) {
      await Promise.all(steps.map((each) => run.do(each)));
      if (flush) await run.flush();
      await run.checkStores();
    }
    await run.flush();
    await run.close();
    await run.flush();
    await run.checkStores();
    const needed = multi(run.stores, { mode }).guarantee.needed;
    for (const { text, own, resolved, notApplied, outcomes } of run.told) {
      expect(outcomes).toHaveLength(count);
      if (resolved) expect(outcomes.filter(({ state }) => state === "committed").length).toBeGreaterThanOrEqual(needed);
      outcomes.forEach(({ state, superseded }, at) => {
        if (state === "committed" && !superseded) expect([state, run.taken[at]?.has(text)]).toEqual([state, true]);
        if (state === "failed" || state === "discarded") expect([state, own[at]?.has(text)]).toEqual([state, false]);
      });
      if (notApplied) expect(own.some((taken) => taken.has(text))).toBe(false);
    }
  });

  const runs = propertyRuns({ name: "multi unjournalled", push: 200, test: 50 });
  test.each(runs.parameters)(
    "leaves whole objects only, and every outcome is true (seed $seed)",
    async (parameters) => {
      await fc.assert(property, parameters);
    },
    1_800_000,
  );
});
