import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { propertyRuns } from "@omni/property";
import { copy, move, type SyncReport, sync } from "@omni/sync";
import fc from "fast-check";
import { harvest } from "../trees.ts";
import { checkNamed, checkSafety, plantVersions, textOf, wanted } from "./judge.ts";
import { type FaultRun, faultRuns } from "./plan.ts";

const VERBS = { sync, copy, move };

/** Waits between attempts end at once; what guards against stalls keeps real time. */
const impatient = {
  now: Date.now,
  setTimeout: (callback: () => void, ms: number): unknown =>
    ms < 30_000 ? setImmediate(callback) : setTimeout(callback, ms).unref(),
  clearTimeout: (timer: unknown): void => {
    clearTimeout(timer as NodeJS.Timeout);
    clearImmediate(timer as NodeJS.Immediate);
  },
};

async function play(run: FaultRun): Promise<void> {
  const [from, to] = [memory(), memory()];
  await plantVersions(from, run.source);
  await plantVersions(to, run.destination);
  const [brokenFrom, brokenTo] = [faulty(from, run.atSource), faulty(to, run.atDestination)];
  const given = { ...run.options, maxDelete: false, allowEmptySource: true, clock: impatient } as const;
  let report: SyncReport | undefined;
  try {
    report = await VERBS[run.verb]({ ...given, from: brokenFrom, to: brokenTo });
  } catch (error) {
    // Only the journal can keep a run from beginning.
    expect(run.options.journal).toBe(true);
    expect(error).toMatchObject({ name: "OmniError" });
  }
  await checkSafety(run, from, to);
  if (report) checkNamed(run, report, await harvest(to), await harvest(from));
  await Promise.all([brokenFrom.faults.flush(), brokenTo.faults.flush()]);
  await checkSafety(run, from, to);
  const clean = await VERBS[run.verb]({ ...given, from, to });
  expect(clean.failures).toEqual([]);
  expect(await harvest(to)).toEqual(wanted(run));
  expect(await harvest(from)).toEqual(run.verb === "move" ? {} : textOf(run.source));
}

test("after any failed run nothing is lost or torn and every failure is named; the next clean run converges", async () => {
  const runs = propertyRuns({ name: "sync under faults", push: 500, test: 60 });
  for (const parameters of runs.parameters) await fc.assert(fc.asyncProperty(faultRuns, play), parameters);
}, 1_800_000);
