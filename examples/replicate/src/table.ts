import type { MultiBackend } from "@omni/multi";
import Table from "cli-table3";
import type { ReplicateReport } from "./replicate.ts";

/** Prints what came of a run. */
export function printReport(report: ReplicateReport, group: MultiBackend, fault: boolean): void {
  const mebibytes = report.bytes / 1024 / 1024;
  console.log(
    `${report.files} files, ${mebibytes.toFixed(1)} MiB in ${report.seconds.toFixed(2)} s (${(report.bytes / 1e6 / report.seconds).toFixed(1)} MB/s to ${group.count} members at once)`,
  );
  const table = new Table({
    head: ["member", "committed", "failed", "unknown", "verified", "missing", "differing"],
    style: { head: [], border: [] },
  });
  for (const row of report.members)
    table.push([row.member, row.committed, row.failed, row.unknown, row.verified, row.missing, row.differing]);
  console.log(table.toString());
  console.log(`guarantee: ${group.guarantee.text}`);
  if (fault)
    console.log(
      `"${group.members[1]?.name}" was made to fail from the middle on: what it missed is reported, and nothing half written is there.`,
    );
  console.log(`rejected: ${report.rejected.length === 0 ? "none" : report.rejected.length}`);
  for (const { path, reason } of report.rejected.slice(0, 10)) console.log(`  ${path}: ${reason}`);
  const holds = report.short.length === 0 && report.members.every(({ differing }) => differing === 0);
  console.log(
    holds
      ? `verified: every file has the same SHA-256 on at least ${group.guarantee.needed} members`
      : `NOT VERIFIED: ${report.short.join(", ")}`,
  );
}
