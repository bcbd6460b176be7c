// What must hold after a run of sync during which things went wrong, whatever they were.
import type { Backend } from "@omni/core";
import type { SyncReport } from "@omni/sync";
import { harvest, moment } from "../trees.ts";
import { bytesOf, type FaultRun } from "./plan.ts";

/** The part of a run that says what it is to do. */
export type Task = Pick<FaultRun, "verb" | "source" | "destination">;

/** Writes the versions of a tree. */
export async function plantVersions(backend: Backend, tree: Readonly<Record<string, number>>): Promise<void> {
  for (const [path, version] of Object.entries(tree))
    await backend.write(path, bytesOf(path, version), { modifiedAt: moment(version) });
}

/** The text of each path of a tree. */
export function textOf(tree: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).map(([path, version]) => [path, bytesOf(path, version)]));
}

/** What the destination holds after a run without faults. */
export function wanted({ verb, source, destination }: Task): Record<string, string> {
  return verb === "sync" ? textOf(source) : { ...textOf(destination), ...textOf(source) };
}

/** What must hold whatever went wrong. */
export async function checkSafety(run: Task, from: Backend, to: Backend): Promise<void> {
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
export function checkNamed(run: Task, report: SyncReport, there: Record<string, string>, left: Record<string, string>): void {
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
