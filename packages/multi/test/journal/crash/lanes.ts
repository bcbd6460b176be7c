import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { killRuns, recordCounts } from "@omni/property";
import { type CrashReport, CrashRun, clearStage, type Stage } from "./harness.ts";

/** Suites that share the kills asked for: one for each kind of journal, and one with S3. */
const SUITES = 4;
/** So many kills make one suite run several stages side by side; what it does most is wait for processes. */
const MANY = 100;

const KILLS = Math.ceil(killRuns({ test: 20, push: 60 }) / SUITES);
const SEED = Number(process.env.OMNI_SEED ?? Math.floor(Math.random() * 10_000)) % 10_000;

/** Milliseconds that a suite may take. */
export const TIMEOUT_MS: number = 120_000 + KILLS * 10_000;

/** A long run is made in parts of so many kills, on fresh stores; one that was broken off goes on after the parts that it has made. */
const PART = 50;

type Counts = Pick<CrashReport, "kills" | "killsInRecover" | "pauses" | "recovered" | "finished">;
const NOTHING: Counts = { kills: 0, killsInRecover: 0, pauses: 0, recovered: 0, finished: 0 };

/** Kills this suite's share, each at another place. @param suite its name */
export async function killAll(suite: string, setStage: () => Promise<Stage>): Promise<void> {
  const lanes = KILLS > MANY ? 3 : 1;
  const counts = await Promise.all(Array.from({ length: lanes }, (_, lane) => killLane(`${suite}-${lane}`, lane, lanes, setStage)));
  for (const each of counts) recordCounts({ ...each });
  expect(counts.reduce((sum, { kills }) => sum + kills, 0)).toBeGreaterThanOrEqual(KILLS);
}

async function killLane(name: string, lane: number, lanes: number, setStage: () => Promise<Stage>): Promise<Counts> {
  const wanted = Math.ceil(KILLS / lanes);
  const progress = lanes > 1 ? progressOf(name) : undefined;
  let counts: Counts = progress && existsSync(progress) ? (JSON.parse(readFileSync(progress, "utf8")) as Counts) : NOTHING;
  while (counts.kills < wanted) {
    const stage = await setStage();
    try {
      // The places are gone through in one order: each lane and part begins elsewhere.
      const run = new CrashRun(stage, SEED + lane * 400 + counts.kills);
      const { violations, reached: _, ...made } = await run.run(Math.min(PART, wanted - counts.kills));
      expect(violations).toEqual([]);
      counts = Object.fromEntries(Object.entries(made).map(([key, count]) => [key, count + counts[key as keyof Counts]])) as never;
    } finally {
      await clearStage(stage);
    }
    if (progress) writeFileSync(progress, JSON.stringify(counts));
  }
  return counts;
}

/** Where a lane keeps how far it came, for the sources as they are. */
function progressOf(name: string): string {
  const digest = createHash("sha256");
  for (const folder of ["../../../src/journal/", "./"].map((each) => fileURLToPath(new URL(each, import.meta.url))))
    for (const file of readdirSync(folder).sort()) digest.update(readFileSync(`${folder}${file}`));
  const folder = fileURLToPath(
    new URL(`../../../../../.cache/journal-kills/${digest.digest("hex").slice(0, 16)}/`, import.meta.url),
  );
  mkdirSync(folder, { recursive: true });
  return `${folder}${name}.json`;
}
