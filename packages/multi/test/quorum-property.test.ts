import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { DEEDS, JOURNAL_TROUBLES, type JournalTrouble, newer, QuorumRun, TROUBLES, type Trouble } from "./quorum-run.ts";

const trouble = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Trouble>("none") },
  { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(TROUBLES) as Trouble[])) },
);
/** Of each member another one, or of several the same. */
const troubles = fc.oneof(
  fc.array(trouble, { minLength: 5, maxLength: 5 }),
  fc
    .record({
      kind: fc.constantFrom(...(Object.keys(TROUBLES) as Trouble[])),
      at: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    })
    .map(({ kind, at }) => at.map((has): Trouble => (has ? kind : "none"))),
);
const journalTrouble = fc.oneof(
  { weight: 6, arbitrary: fc.constant<JournalTrouble>("none") },
  { weight: 1, arbitrary: fc.constantFrom(...(Object.keys(JOURNAL_TROUBLES) as JournalTrouble[])) },
);
const step = fc.record({
  client: fc.nat(2),
  does: fc.constantFrom(...DEEDS),
  endsAt: fc.option(fc.record({ call: fc.integer({ min: 1, max: 25 }), after: fc.boolean() }), { nil: undefined, freq: 4 }),
  troubles,
  journalTrouble,
});
/** Things that are done at once; then perhaps what was late takes effect. */
const round = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 3 }), flush: fc.boolean() });
const scenario = fc.record({
  count: fc.constantFrom(2, 3, 4, 5),
  isJournalled: fc.oneof({ weight: 1, arbitrary: fc.constant(false) }, { weight: 3, arbitrary: fc.constant(true) }),
  rounds: fc.array(round, { minLength: 1, maxLength: 8 }),
});

describe("a quorum under crashes, concurrent writers and repairs, deletes, late and lost requests", () => {
  const property = fc.asyncProperty(scenario, async ({ count, isJournalled, rounds }) => {
    const run = new QuorumRun(count, isJournalled);
    await run.untroubled().repair();
    let before = await run.held();
    for (const { steps, flush } of rounds) {
      await run.round(steps);
      if (flush) await run.flush();
      const after = await run.held();
      // From a version to none only by a delete that was decided and is newer.
      after.forEach((stamp, at) => {
        const was = before[at];
        if (newer(was, stamp) && !(isJournalled && run.isBuried(was)))
          throw new Error(`member ${at} went back from ${was?.counter} to ${stamp?.counter}`);
      });
      before = after;
    }
    await run.flush();
    await run.close();
    await run.flush();

    const fresh = run.untroubled();
    const report = await fresh.repair();
    expect(report.failed).toBe(0);
    const versions = await run.held();
    if (report.ambiguous === 0) expect(new Set(versions.map((stamp) => stamp?.id)).size).toBe(1);
    // What was acknowledged is never ambiguous: enough members hold it, or the journal knows of its end.
    else expect(run.floor).toBeUndefined();
    for (const stamp of versions) expect(newer(run.floor, stamp) && !(stamp === undefined && run.isBuried(run.floor))).toBe(false);
    expect(await fresh.repair()).toMatchObject({ written: 0, removed: 0 });
    if (report.ambiguous === 0) expect((await fresh.verify().summary()).clean).toBe(true);
    const [held] = versions;
    if (report.ambiguous === 0) expect(await fresh.exists("dir/object.txt")).toBe(held !== undefined);
  });

  const runs = propertyRuns({ name: "multi quorum", push: 200, test: 50 });
  test.each(runs.parameters)(
    "a quorum read gives the last acknowledged change or a newer one, and repair brings all to one version (seed $seed)",
    async (parameters) => {
      await fc.assert(property, parameters);
    },
    1_800_000,
  );
});
