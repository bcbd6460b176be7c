// The program that `sync` is measured as: one call of the library, as it is published. No TypeScript, whose types would be stripped at each start.
import { file } from "@omni/file";
import { s3 } from "@omni/s3";
import { sync } from "@omni/sync";

/** @type {import("./sync-programs.ts").SyncOrder & { transfers: number; checkers: number }} */
const order = JSON.parse(process.argv[2] ?? "");
const { root, place, prefix, plan, transfers, checkers } = order;
const { url, ...account } = place;
const from = file({ root, fsync: false });
const to = s3({ ...account, provider: "minio", endpoint: url });
const report = await sync({ from, to, toPrefix: prefix, transfers, checkers, dryRun: plan, maxEntries: 0 });
await Promise.all([from.close(), to.close()]);
if (!report.ok) {
  console.error(report.text(), report.failures.slice(0, 10));
  process.exitCode = 1;
}
