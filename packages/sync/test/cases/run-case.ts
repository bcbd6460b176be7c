import { type Backend, OmniError } from "@omni/core";
import { check, copy, diff, move, type SyncReport, sync, verify } from "@omni/sync";
import { harvest, plant } from "../trees.ts";
import type { SyncCase } from "./case.ts";

function textOf(tree: SyncCase["from"]): Record<string, string> {
  return Object.fromEntries(Object.entries(tree ?? {}).map(([path, leaf]) => [path, typeof leaf === "string" ? leaf : leaf.text]));
}

const VERBS = { check, copy, diff, move, sync, verify };

/** What a report says, without what a dry run cannot know. */
function saidBy({ entries, counts, bytes, ok, complete, stopped, deletesWithheld }: SyncReport): object {
  return { entries, counts, bytes, ok, complete, stopped, deletesWithheld };
}

/** Plays a case on fresh stores: first dry, then for real, then, where it ended well, again. */
export async function playCase(one: SyncCase, fresh: () => Backend): Promise<void> {
  const from = fresh();
  const to = one.oneStore ? from : fresh();
  await plant(from, one.from ?? {});
  if (!one.oneStore) await plant(to, one.to ?? {});
  const other = one.other && fresh();
  if (other) await plant(other, one.other ?? {});
  const ends = one.disturb?.({ from, to }) ?? { from, to };
  const verb = one.verb ?? "sync";
  const given = { ...one.options, ...(other ? { compareDest: { backend: other } } : {}) };
  const run = (more: object = {}): Promise<SyncReport> => VERBS[verb]({ ...given, ...ends, ...more });
  const before = { from: await harvest(from), to: await harvest(to) };

  if (one.refused !== undefined) {
    const error = await run().catch((thrown: unknown) => thrown);
    expect(OmniError.is(error, one.refused) ? one.refused : error).toBe(one.refused);
    expect({ from: await harvest(from), to: await harvest(to) }).toEqual(before);
    return;
  }
  const dry = one.disturb ? undefined : await run({ dryRun: true });
  if (dry) expect({ from: await harvest(from), to: await harvest(to) }).toEqual(before);
  const report = await run();
  expect(report.failures.map(({ error }) => error.code)).toEqual(one.fails ?? []);
  expect(await harvest(to)).toEqual(one.after ?? textOf(one.oneStore ? one.from : one.to));
  if (!one.oneStore) expect(await harvest(from)).toEqual(one.left ?? textOf(one.from));
  if (one.lines)
    expect(
      report
        .text()
        .split("\n")
        .filter((line) => /^[-=+*!] /.test(line)),
    ).toEqual(one.lines);
  if (dry) expect(saidBy(dry)).toEqual(saidBy(report));
  await one.also?.({ from, to });
  await playAgain(one, report, run);
}

/** What ended well has nothing left to do. */
async function playAgain(one: SyncCase, report: SyncReport, run: () => Promise<SyncReport>): Promise<void> {
  if (!report.ok || !report.complete || one.options?.ignoreTimes || one.disturb) return;
  const again = await run();
  expect(again.failures).toEqual([]);
  const { copied, updated, touched, renamed, deleted } = again.counts;
  expect({ copied, updated, touched, renamed, deleted, bytes: again.bytes }).toEqual({
    copied: 0,
    updated: 0,
    touched: 0,
    renamed: 0,
    deleted: 0,
    bytes: 0,
  });
}
