import type { Backend } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { propertyRuns } from "@omni/property";
import { copy, move, type SyncReport, sync } from "@omni/sync";
import fc from "fast-check";
import { harvest, moment } from "../trees.ts";
import { bytesOf, type FaultRun, faultRuns } from "./plan.ts";

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

async function plantVersions(backend: Backend, tree: Readonly<Record<string, number>>): Promise<void> {
  for (const [path, version] of Object.entries(tree))
    await backend.write(path, bytesOf(path, version), { modifiedAt: moment(version) });
}

function textOf(tree: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).map(([path, version]) => [path, bytesOf(path, version)]));
}

/** What the destination holds after a run without faults. */
function wanted({ verb, source, destination }: FaultRun): Record<string, string> {
  return verb === "sync" ? textOf(source) : { ...textOf(destination), ...textOf(source) };
}

/** What must hold whatever went wrong. */
async function checkSafety(run: FaultRun, from: Backend, to: Backend): Promise<void> {
  const [left, there] = [await harvest(from), await harvest(to)];
  const [sources, before] = [textOf(run.source), textOf(run.destination)];
  for (const [path, text] of Object.entries(sources)) {
    const isMoved = run.verb === "move" && left[path] === undefined;
    if (isMoved) expect({ path, at: "destination", text: there[path] }).toEqual({ path, at: "destination", text });
    else expect({ path, at: "source", text: left[path] }).toEqual({ path, at: "source", text });
  }
  for (const [path, text] of Object.entries(there)) expect([before[path], sources[path]]).toContain(text);
  if (run.verb === "sync") return;
  for (const path of Object.keys(before)) if (sources[path] === undefined) expect(Object.keys(there)).toContain(path);
}

/** Every path that is not as it should be is named, or covered by something that is. */
function checkNamed(run: FaultRun, report: SyncReport, there: Record<string, string>, left: Record<string, string>): void {
  const goal = wanted(run);
  const named = new Set(report.failures.map(({ path }) => path));
  const isListed = report.complete;
  if (!isListed) expect(report.failures.some(({ action }) => action === "list")).toBe(true);
  for (const path of new Set([...Object.keys(goal), ...Object.keys(there)])) {
    if (there[path] === goal[path] || named.has(path) || !isListed) continue;
    const isDelete = goal[path] === undefined;
    const isRenameStep = report.failures.some(({ action }) => action === "rename" || action === "delete");
    const covered = isDelete ? report.deletesWithheld !== undefined || report.failures.length > 0 : isRenameStep && !report.ok;
    expect({ path, covered, report: report.text() }).toEqual({ path, covered: true, report: report.text() });
  }
  if (run.verb === "move" && isListed)
    for (const path of Object.keys(left)) expect({ path, named: named.has(path) || !report.ok }).toEqual({ path, named: true });
  if (report.ok && report.complete) expect(there).toEqual(goal);
}

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
