import type { ObjectVerdict, RepairedMember, RepairReport } from "@omni/multi";
import type { Context, Run } from "../command.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import { countOf, formatBytes } from "../output/format.ts";
import { type GroupTarget, groupAt } from "./group-target.ts";
import type { REPAIR_OPTIONS } from "./groups.ts";

/** `omni repair`. */
export const run: Run<OptionsOf<typeof REPAIR_OPTIONS>> = async (context, [text = ""], options) => {
  const target = await groupAt(context, text);
  if (context.dryRun) return plan(context, target, options);
  const { out, signal } = context;
  const { group, name, prefix } = target;
  const { prefer, notesOnly = false, concurrency = 8, after } = options;
  if (prefer !== undefined) await context.confirm(`make ${name} what ${prefer} is, where nothing else says which member is right`);
  let counts = { examined: 0, written: 0, removed: 0, bytes: 0 };
  const progress = await out.live(() => [
    `${countOf(counts.examined, "object")} examined, ${counts.written} written (${formatBytes(counts.bytes)}), ${counts.removed} removed`,
  ]);
  context.onInterrupt("what was repaired stays; the same command goes on");
  const told = (done: RepairedMember): void => {
    out.resultNow({ ...done }, () => `${done.action === "write" ? "+" : "-"} ${out.name(`${done.path}: ${done.member}`)}`);
  };
  const untell = group.events.on("repair", told);
  const scan = !notesOnly;
  try {
    const onProgress = (now: typeof counts): void => {
      counts = now;
    };
    const report = await group.repair({ prefix, prefer, scan, concurrency, cursor: after, signal, onProgress });
    return await tell(context, name, report);
  } finally {
    untell();
    progress.done();
  }
};

async function tell({ out }: Context, name: string, report: RepairReport): Promise<ExitCode> {
  const { ambiguousPaths, failures, examined, written, removed, bytes, ambiguous, failed, clean, cursor } = report;
  for (const { path, reason } of ambiguousPaths)
    await out.result({ path, ambiguous: reason }, `? ${out.name(`${path}: left alone: ${reason}`)}`);
  for (const { path, member, error } of failures) {
    const said = error.message;
    await out.result({ path, member, error: said }, `! ${out.name(`${path}: ${member}: ${said}`)}`);
  }
  const sum = { examined, written, removed, bytes, ambiguous, failed, clean, cursor };
  const rest = `${ambiguous > 0 ? `, ${ambiguous} left alone (--prefer says which member is right)` : ""}${failed > 0 ? `, ${failed} failed` : ""}`;
  await out.result(
    { summary: sum, group: name },
    `${name}: ${countOf(examined, "object")} examined, ${written} written (${formatBytes(bytes)}), ${removed} removed${rest}`,
  );
  if (failed > 0) return EXIT_CODES.FAILED;
  return ambiguous > 0 ? EXIT_CODES.NOT_COMPARABLE : EXIT_CODES.CLEAN;
}

/** What a repair would do, by a verification. */
async function plan(
  context: Context,
  { group, name, prefix }: GroupTarget,
  { prefer, after }: OptionsOf<typeof REPAIR_OPTIONS>,
): Promise<ExitCode> {
  const { out, signal } = context;
  const counts = { written: 0, removed: 0, ambiguous: 0, failed: 0 };
  const verification = group.verify({ prefix, cursor: after, signal });
  for await (const verdict of verification) {
    signal.throwIfAborted();
    const { path } = verdict;
    if (verdict.silentOn.length > 0) counts.failed += 1;
    if (verdict.ambiguous && prefer === undefined) {
      counts.ambiguous += 1;
      await out.result(
        { path, ambiguous: true, dryRun: true },
        `? ${out.name(`${path}: nothing says which member is right; --prefer does`)}`,
      );
      continue;
    }
    for (const { member, action } of stepsOf(verdict, prefer)) {
      counts[action === "delete" ? "removed" : "written"] += 1;
      await out.result(
        { path, member, action, dryRun: true },
        `${action === "write" ? "+" : "-"} ${out.name(`${path}: ${member}`)}`,
      );
    }
  }
  const { objects } = verification.counts;
  await out.result(
    { summary: { examined: objects, ...counts }, group: name, dryRun: true },
    `${name}: ${countOf(objects, "object")} examined, ${counts.written} would be written, ${counts.removed} removed, ${counts.ambiguous} left alone`,
  );
  if (counts.failed > 0) return EXIT_CODES.FAILED;
  return counts.ambiguous > 0 ? EXIT_CODES.NOT_COMPARABLE : EXIT_CODES.CLEAN;
}

interface Step {
  readonly member: string;
  readonly action: "write" | "delete";
}

function stepsOf({ missingOn, differsOn, extraOn, ambiguous }: ObjectVerdict, prefer: string | undefined): readonly Step[] {
  if (ambiguous && prefer !== undefined && missingOn.includes(prefer))
    return [{ member: `every member but ${prefer}`, action: "delete" }];
  if (ambiguous && prefer !== undefined) return [{ member: `what differs from ${prefer}`, action: "write" }];
  return [
    ...[...missingOn, ...differsOn].map((member): Step => ({ member, action: "write" })),
    ...extraOn.map((member): Step => ({ member, action: "delete" })),
  ];
}
