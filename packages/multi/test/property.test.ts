import { type Backend, createBackend, MultiError, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiOptions, multi, type WriteOutcome } from "@omni/multi";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { AutoClock } from "./auto-clock.ts";
import { MEMBER_FAULTS, type MemberFault, predict, type Scenario } from "./model.ts";

const PATH = "dir/object.bin";
const OLD = Buffer.from("the former object");

/** A held stream is one call to the store: what breaks that call breaks the staging, and its last chunk is not sent before the commit. */
function asOneCall(fault: MemberFault, { bytes, chunkBytes }: { bytes: number; chunkBytes: number }): MemberFault {
  if (fault === "commit") return "stage";
  if (fault === "commit-hang") return "stage-hang";
  return fault === "stage-midway" && bytes <= chunkBytes ? "none" : fault;
}

const scenarios: fc.Arbitrary<Scenario & { chunkBytes: number; hadOld: boolean }> = fc
  .record({
    members: fc.array(
      fc.record({
        fault: fc.constantFrom<MemberFault>("none", ...MEMBER_FAULTS),
        staging: fc.constantFrom("process" as const, "held" as const),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    mode: fc.constantFrom("all" as const, "quorum" as const, "best-effort" as const),
    needed: fc.nat(),
    bytes: fc.nat(5_000),
    chunkBytes: fc.integer({ min: 1, max: 2_000 }),
    small: fc.boolean(),
    sourceFails: fc.boolean(),
    hadOld: fc.boolean(),
  })
  .map(({ needed, small, sourceFails, ...rest }) => {
    const count = rest.members.length;
    return {
      ...rest,
      members: rest.members.map((member) =>
        small || member.staging === "process" ? member : { ...member, fault: asOneCall(member.fault, rest) },
      ),
      small,
      sourceFails: sourceFails && !small && rest.bytes % 5 === 0,
      needed: rest.mode === "all" ? count : rest.mode === "quorum" ? 1 + (needed % count) : needed % (count + 1),
    };
  });

function faultsOf(fault: MemberFault, small: boolean, staged: boolean, bytes: number): Fault[] {
  // Where nothing is staged, the write itself is the commit.
  const commit = small || !staged ? ("write" as const) : ("commit" as const);
  const stage = staged ? ("stage" as const) : ("write" as const);
  switch (fault) {
    case "none":
      return [];
    case "stage":
      return small ? [] : [{ on: stage, do: "fail" }];
    case "stage-midway":
      return small || bytes === 0 ? [] : [{ on: stage, do: "fail", atByte: staged ? Math.floor(bytes / 2) : 0 }];
    case "stage-hang":
      return small ? [] : [{ on: stage, do: "hang" }];
    case "commit":
      return [{ on: commit, do: "fail" }];
    case "commit-hang":
      return [{ on: commit, do: "hang" }];
    case "commit-answer-lost":
      return [{ on: commit, do: "fail-after-commit" }];
    case "commit-late":
      return [{ on: commit, do: "apply-late" }];
    case "commit-twice":
      return [{ on: commit, do: "apply-twice" }];
  }
}

/** A driver without staging: core withholds the end of its bodies. */
function unstaged(backend: Backend, clock: AutoClock): Backend {
  const { stage: _stage, resumeStage: _resume, ...driver } = backend.driver;
  return createBackend({ ...driver, features: { ...driver.features, stagedWrite: undefined } as never }, { clock });
}

async function* chunksOf(body: Uint8Array, chunkBytes: number, failure: Error | undefined): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < body.byteLength; at += chunkBytes) {
    if (failure && at * 2 >= body.byteLength) throw failure;
    yield body.subarray(at, at + chunkBytes);
  }
  if (failure) throw failure;
}

/** The write, or a failure when the clock has nothing left to fire and still nobody answers. */
function orHung<T>(work: Promise<T>, clock: AutoClock): Promise<T> {
  return new Promise((resolve, reject) => {
    let idle = 0;
    const look = (): void => {
      idle = clock.pending === 0 ? idle + 1 : 0;
      if (idle > 50) reject(new Error("the write hangs: nothing is left that could wake it"));
      else turn = setImmediate(look);
    };
    let turn = setImmediate(look);
    work.then(resolve, reject).finally(() => clearImmediate(turn));
  });
}

async function contentOf(store: Backend): Promise<Uint8Array | undefined> {
  try {
    return await (await store.read(PATH)).bytes();
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}

describe("multi against its model", () => {
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    const { mode, needed, small, bytes, chunkBytes, hadOld, sourceFails } = scenario;
    const clock = new AutoClock();
    const stores = scenario.members.map(() => memory({ clock }));
    const old = hadOld ? OLD : undefined;
    if (old) await Promise.all(stores.map((store) => store.write(PATH, old)));
    const members = scenario.members.map(({ fault, staging }, at) => {
      const staged = staging === "process";
      const store = stores[at] as Backend;
      return faulty(staged ? store : unstaged(store, clock), faultsOf(fault, small, staged, bytes), { clock });
    });
    const body = new Uint8Array(bytes).map((_, at) => at * 7);
    const options: MultiOptions = {
      mode,
      ...(mode === "quorum" ? { quorum: needed } : mode === "best-effort" ? { minCommits: needed } : {}),
      memberTimeoutMs: 1_000,
      // Every member is settled before its write resolves: what is late has a test of its own.
      laggardMs: 10_000,
      windowBytes: 1_500,
      clock,
    };
    const failure = sourceFails ? new Error("the source broke") : undefined;
    const group = multi(members, options);
    const [result] = await Promise.allSettled([
      orHung(group.write(PATH, small ? body : chunksOf(body, chunkBytes, failure)), clock),
    ]);
    const contents = await Promise.all(stores.map(contentOf));

    for (const content of contents)
      if (!same(content, old) && !same(content, body)) throw new Error(`a torn object of ${content?.byteLength} bytes is visible`);
    const prediction = predict(scenario);
    const outcome =
      result?.status === "fulfilled"
        ? "resolves"
        : failure && (result as PromiseRejectedResult).reason.cause === failure
          ? "source error"
          : "rejects";
    expect(prediction.results).toContain(outcome);
    const outcomes: readonly WriteOutcome[] =
      result?.status === "fulfilled"
        ? result.value.outcomes
        : MultiError.is(result?.reason)
          ? (result.reason.outcomes as readonly WriteOutcome[])
          : [];
    const distinct = !same(old, body);
    outcomes.forEach(({ state }, at) => {
      if (state === "committed") expect(same(contents[at], body)).toBe(true);
      if (distinct && (state === "failed" || state === "discarded")) expect(same(contents[at], old)).toBe(true);
      const predicted = prediction.states[at];
      if (predicted !== "any") expect(`${at}: ${state}`).toBe(`${at}: ${predicted}`);
    });
    if (prediction.failed !== undefined)
      expect(outcomes.filter(({ state }) => state === "failed").length).toBeGreaterThanOrEqual(prediction.failed);
    if (result?.status === "fulfilled") {
      expect(outcomes).toHaveLength(members.length);
      expect(contents.filter((content) => same(content, body)).length).toBeGreaterThanOrEqual(needed);
    } else if (!prediction.changed) {
      expect((result as PromiseRejectedResult).reason.outcome ?? "not-applied").toBe("not-applied");
      expect(contents.every((content) => same(content, old))).toBe(true);
    }
    for (const member of members) {
      member.faults.release();
      await member.faults.flush();
    }
    for (const store of stores) {
      const content = await contentOf(store);
      if (!same(content, old) && !same(content, body)) throw new Error("a late request tore an object");
      for await (const { path } of store.list()) if (path !== PATH) throw new Error(`${path} was left behind`);
    }
  });

  const runs = propertyRuns({ name: "multi fan-out" });
  test.each(runs.parameters)(
    "holds for random members, modes, faults and sizes (seed $seed)",
    async (parameters) => {
      await fc.assert(property, parameters);
    },
    900_000,
  );
});
