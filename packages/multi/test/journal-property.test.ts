import { type Backend, createBackend, MultiError, OmniError, wrap } from "@omni/core";
import { type Fault, type FaultControl, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, multi } from "@omni/multi";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import type { Head } from "../src/journal/protocol.ts";
import { AutoClock } from "./auto-clock.ts";
import { watched } from "./journal/crash/stores.ts";

const PATHS = ["p", "q"] as const;
type Path = (typeof PATHS)[number];

interface Op {
  /** `lose`: the first member loses its object, past the journal. */
  readonly do: "write" | "stream" | "create" | "replace" | "delete" | "copy" | "move" | "lose" | "repair" | "recover" | "read";
  readonly path: Path;
}

/** A process: its changes one after the other, until it ends at a call to a store, before or after that had its effect. */
interface Process {
  readonly ops: readonly Op[];
  readonly endsAt: { readonly call: number; readonly after: boolean } | undefined;
}

const op: fc.Arbitrary<Op> = fc.record({
  do: fc.constantFrom(
    "write",
    "write",
    "stream",
    "create",
    "replace",
    "delete",
    "copy",
    "move",
    "lose",
    "repair",
    "recover",
    "read",
  ),
  path: fc.constantFrom(...PATHS),
});
const ends = fc.option(fc.record({ call: fc.integer({ min: 1, max: 60 }), after: fc.boolean() }), { nil: undefined });
const process: fc.Arbitrary<Process> = fc.record({ ops: fc.array(op, { minLength: 1, maxLength: 4 }), endsAt: ends });

const memberFault: fc.Arbitrary<Fault> = fc
  .record({
    on: fc.constantFrom("stage", "commit", "stat", "delete", "resumeStage", "discard"),
    nth: fc.integer({ min: 1, max: 6 }),
    times: fc.integer({ min: 1, max: 3 }),
    what: fc.constantFrom("fail", "fail-after-commit", "apply-late", "apply-twice"),
  })
  .map(({ what, ...fault }) => ({ ...fault, do: what, ...(what === "apply-twice" ? { again: "late" } : {}) }) as Fault);
const journalFault: fc.Arbitrary<Fault> = fc
  .record({
    on: fc.constantFrom("write", "read", "list"),
    nth: fc.integer({ min: 5, max: 40 }),
    times: fc.integer({ min: 1, max: 3 }),
    what: fc.constantFrom("fail", "fail-after-commit", "apply-late"),
  })
  .map(({ on, what, ...rest }) => ({ on, ...rest, do: on === "write" ? what : "fail" }) as Fault);

const scenarios = fc.record({
  processes: fc.array(process, { minLength: 1, maxLength: 3 }),
  members: fc.array(fc.array(memberFault, { maxLength: 2 }), { minLength: 2, maxLength: 3 }),
  journal: fc.array(journalFault, { maxLength: 2 }),
  lateFirst: fc.boolean(),
});

/** Every record that the journal really took. */
type Records = Map<string, Map<number, Head>>;

function noting(store: Backend, records: Records): Backend {
  return createBackend(
    wrap(store.driver, {
      async write(path, body, options) {
        const info = await store.driver.write(path, body, options);
        if (!path.includes("/heads/")) return info;
        const head = JSON.parse(Buffer.from(body as Uint8Array).toString()) as Head;
        const ofPath = records.get(head.path) ?? new Map<number, Head>();
        records.set(head.path, ofPath.set(head.seq, head));
        return info;
      },
    }),
  );
}

/** How a change went, in order of the runs' own ticks. */
interface Done {
  readonly path: Path;
  readonly content: string | undefined;
  readonly id: string | undefined;
  readonly began: number;
  readonly ended: number;
  readonly state: "acknowledged" | "not applied" | "in doubt";
}

class Run {
  readonly clock = new AutoClock();
  readonly records: Records = new Map();
  readonly stores: readonly Backend[];
  readonly faults: readonly FaultControl[];
  readonly done: Done[] = [];
  losses = 0;
  readonly #members: readonly { readonly name: string; readonly backend: Backend }[];
  readonly #journal: Backend;
  /** What was written, or begun to be. */
  readonly #contents = new Set<string>();
  #tick = 0;

  constructor(members: readonly (readonly Fault[])[], journal: readonly Fault[]) {
    this.stores = members.map(() => memory({ clock: this.clock }));
    const broken = members.map((faults, at) => faulty(this.stores[at] as Backend, faults, { clock: this.clock }));
    const log = faulty(noting(memory({ clock: this.clock }), this.records), journal, { clock: this.clock });
    this.#members = broken.map((backend, at) => ({ name: `m${at}`, backend }));
    this.#journal = log;
    this.faults = [...broken, log].map(({ faults }) => faults);
  }

  open(around: <T>(call: () => Promise<T>) => Promise<T> = (call) => call()): MultiBackend {
    const through = (backend: Backend): Backend => createBackend(watched(backend.driver, around), { clock: this.clock });
    const members = this.#members.map(({ name, backend }) => ({ name, backend: through(backend) }));
    return multi(members, { journal: through(this.#journal), clock: this.clock, memberTimeoutMs: 1_000, breaker: false });
  }

  /** Resolves when a process has come to its end, whichever. */
  async process({ ops, endsAt }: Process, number: number): Promise<void> {
    let calls = 0;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const gone = (): Promise<never> => {
      end();
      return new Promise(() => {});
    };
    const group = this.open(async (call) => {
      calls += 1;
      if (endsAt === undefined || calls < endsAt.call) return call();
      if (calls > endsAt.call || !endsAt.after) return gone();
      await call();
      return gone();
    });
    const work = (async () => {
      for (const [at, each] of ops.entries()) await this.#perform(group, each, `${number}.${at}`);
    })();
    await Promise.race([work, ended]);
  }

  async #perform(group: MultiBackend, { do: what, path }: Op, name: string): Promise<void> {
    if (what === "lose") return this.#lose(path);
    if (what === "repair") return tried(() => group.repair());
    if (what === "recover") return tried(() => group.recover());
    if (what === "read") return tried(async () => this.#checkWhole(await (await group.read(path)).text()));
    const began = this.#tick++;
    const other = path === "p" ? "q" : "p";
    const target = what === "copy" || what === "move" ? other : path;
    const content = what === "delete" || what === "copy" || what === "move" ? undefined : name;
    if (content !== undefined) this.#contents.add(content);
    const note = (state: Done["state"], id?: string): void => {
      this.done.push({ path: target, content, id, began, ended: this.#tick++, state });
    };
    try {
      note("acknowledged", await this.#change(group, what, path, other, name));
    } catch (error) {
      if (!OmniError.is(error)) throw error;
      note(error.outcome === "unknown" || MultiError.is(error, "IN_DOUBT") ? "in doubt" : "not applied");
    }
  }

  /** Whatever is open: old or new, never a part or a mixture. */
  #checkWhole(text: string): void {
    if (!this.#contents.has(text)) throw new Error(`nobody wrote ${JSON.stringify(text)}`);
  }

  async #lose(path: Path): Promise<void> {
    this.losses += 1;
    await this.stores[0]?.delete(path);
  }

  async #change(
    group: MultiBackend,
    what: Exclude<Op["do"], "lose" | "repair" | "recover" | "read">,
    path: Path,
    other: Path,
    name: string,
  ): Promise<string | undefined> {
    const body = Buffer.from(name);
    switch (what) {
      case "write":
        return (await group.write(path, body)).etag;
      case "stream":
        return (await group.write(path, chunksOf(body))).etag;
      case "create":
        return (await group.write(path, body, { ifNoneMatch: "*" })).etag;
      case "replace":
        return (await group.write(path, body, { ifMatch: (await group.stat(path)).etag })).etag;
      case "delete":
        await group.delete(path);
        return undefined;
      case "copy":
        return (await group.copy(path, other)).etag;
      case "move":
        return (await group.move(path, other)).etag;
    }
  }

  /** What the journal committed at a path, in order. */
  committed(path: string): readonly NonNullable<Head["last"]>[] {
    const ordered = [...(this.records.get(path) ?? [])].sort(([a], [b]) => a - b).map(([, head]) => head);
    return ordered.flatMap(({ open, recent, last }) => (!open && last && recent[0]?.outcome === "committed" ? [last] : []));
  }
}

/** What may fail in some part. */
async function tried(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!OmniError.is(error)) throw error;
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (const byte of bytes) yield Uint8Array.of(byte);
}

async function heldAt(store: Backend, path: string): Promise<{ content: string; id: string | undefined } | undefined> {
  try {
    const reader = await store.read(path);
    return { content: await reader.text(), id: reader.info.stamp?.id };
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** Changes that were acknowledged stand in the journal's order as they followed each other. */
function checkOrder(run: Run, path: string): void {
  const ids = run.committed(path).map(({ id }) => id);
  const known = run.done.filter((each) => each.path === path && each.state === "acknowledged" && each.id !== undefined);
  for (const each of known) {
    if (!ids.includes(each.id as string)) throw new Error(`${each.content} was acknowledged and is not in the journal`);
    for (const earlier of known)
      if (earlier.ended < each.began && ids.indexOf(earlier.id as string) > ids.indexOf(each.id as string))
        throw new Error(`${earlier.content} came before ${each.content}, and after it in the journal`);
  }
}

describe("multi with a journal", () => {
  const property = fc.asyncProperty(scenarios, async ({ processes, members, journal, lateFirst }) => {
    const run = new Run(members, journal);
    await Promise.all(processes.map((each, at) => run.process(each, at)));
    for (const faults of run.faults) faults.clear();
    const flush = async (): Promise<void> => {
      for (const faults of run.faults) await faults.flush();
    };
    if (lateFirst) await flush();
    const reports = await Promise.all([run.open().recover(), run.open().recover()]);
    for (const { open } of reports) expect(open).toBe(0);
    // What was decided then holds whatever arrives later, also over what is written now.
    const group = run.open();
    await group.write("p", "last");
    await flush();
    await group.recover();
    for await (const intent of group.intents()) throw new Error(`${intent.id} is open`);
    // Only what a member lost is left to a repair.
    if (run.losses > 0) expect(await group.repair()).toMatchObject({ failed: 0, ambiguous: 0, clean: true });
    await flush();
    if (run.losses > 0) expect(await group.repair()).toMatchObject({ written: 0, removed: 0, clean: true });
    for (const path of PATHS) {
      const held = await Promise.all(run.stores.map((store) => heldAt(store, path)));
      const last = run.committed(path).at(-1);
      const expected = last && !last.deleted ? last.id : undefined;
      for (const each of held) expect([path, each?.id]).toEqual([path, expected]);
      const undone = run.done.filter(({ state }) => state === "not applied").map(({ content }) => content);
      if (held[0]) expect(undone).not.toContain(held[0].content);
      checkOrder(run, path);
    }
  });

  const runs = propertyRuns({ name: "multi journal", push: 500 });
  test.each(runs.parameters)(
    "comes to the head's order under crashes, faults, losses, late requests, concurrent writers and repairs (seed $seed)",
    async (parameters) => {
      await fc.assert(property, parameters);
    },
    1_800_000,
  );
});
