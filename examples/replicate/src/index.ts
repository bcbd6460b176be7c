// Copies a folder to three stores in quorum mode while one of them fails part of the way, verifies every copy by digest, and says what came of it.
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Backend, OmniError, open } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { file } from "@omni/file";
import { memory } from "@omni/memory";
import { type MemberSource, type MultiBackend, multi } from "@omni/multi";
import { Bar } from "./bar.ts";
import { replicate } from "./replicate.ts";
import { sourceFiles } from "./source-files.ts";
import { printReport } from "./table.ts";

const HELP = `Usage: npm run demo -- [folder] [--to URL]... [--no-fault] [--keep]

  folder      what to copy                      (default: this repository's sources)
  --to URL    a store to copy to, several times (default: two folders and memory), such as s3://bucket/prefix
  --no-fault  do not make the second store fail part of the way
  --keep      keep the folders that were made
`;

interface Plan {
  readonly root: string;
  readonly urls: readonly string[];
  readonly fault: boolean;
  readonly keep: boolean;
}

function readPlan(args: readonly string[]): Plan | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      to: { type: "string", multiple: true, default: [] },
      "no-fault": { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    root: resolve(positionals[0] ?? join(import.meta.dirname, "../../..")),
    urls: values.to,
    fault: !values["no-fault"],
    keep: values.keep,
  };
}

/** The stores: those that were named, or two new folders and memory. */
async function openMembers(plan: Plan, folder: string): Promise<MemberSource[]> {
  if (plan.urls.length > 0)
    return Promise.all(plan.urls.map(async (url) => ({ name: url.replace(/\?.*$/, ""), backend: await open(url) })));
  return [
    { name: "folder one", backend: file({ root: join(folder, "one") }) },
    { name: "folder two", backend: file({ root: join(folder, "two") }) },
    { name: "memory", backend: memory() },
  ];
}

/** The same stores, the second of which loses every request from the middle on. */
function breakSecond(members: readonly MemberSource[], files: number): MemberSource[] {
  return members.map((member, at) => {
    if (at !== 1 || !member) return member;
    const { name, backend } = member as { name: string; backend: Backend };
    return { name, backend: faulty(backend, [{ on: ["write", "stage"], do: "fail", nth: Math.ceil(files / 2) }]) };
  });
}

async function run(plan: Plan, folder: string): Promise<number> {
  if (!(await stat(plan.root)).isDirectory())
    throw new OmniError("INVALID_ARGUMENT", { reason: `${plan.root} is no folder; name one` });
  const paths = await Array.fromAsync(sourceFiles(plan.root));
  const members = await openMembers(plan, folder);
  const fault = plan.fault && members.length > 2;
  const group: MultiBackend = multi(fault ? breakSecond(members, paths.length) : members, { mode: "quorum", closeMembers: true });
  const bar = new Bar(paths.length);
  const report = await replicate(file({ root: plan.root }), paths, group, (phase, path) => bar.step(phase, path));
  bar.end();
  printReport(report, group, fault);
  await group.close();
  const damaged = report.members.some(({ differing }) => differing > 0);
  return damaged || report.short.length > 0 || report.rejected.length > 0 || report.files === 0 ? 1 : 0;
}

/** Runs the demo and gives the exit code: 0 all verified, 1 not, 2 it could not run. */
async function main(args: readonly string[]): Promise<number> {
  const plan = readPlan(args);
  if (!plan) {
    process.stdout.write(HELP);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), "omni-demo-"));
  try {
    return await run(plan, folder);
  } finally {
    if (plan.keep) console.log(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
