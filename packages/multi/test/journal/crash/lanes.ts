import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { killRuns, recordCounts } from "@omni/property";
import { type CrashReport, CrashRun, clearStage, type Stage } from "./harness.ts";

const KILLS = killRuns({ test: 20, push: 200 });
/** So many kills are made on several stages of each kind side by side: what a lane does most is wait for processes. */
const MANY = 240;
const SEED = Number(process.env.OMNI_SEED ?? Math.floor(Math.random() * 10_000)) % 10_000;

/** Milliseconds that a suite may take. */
export const TIMEOUT_MS: number = 300_000 + KILLS * 10_000;

/** A long run is made in parts of so many kills, on fresh stores; one that was broken off goes on after the parts that it has made. */
const PART = 20;

type Counts = Pick<CrashReport, "kills" | "killsInRecover" | "pauses" | "recovered" | "finished">;
const NOTHING: Counts = { kills: 0, killsInRecover: 0, pauses: 0, recovered: 0, finished: 0 };

/**
 * Kills this suite's share, each at another place.
 *
 * @param share of all kills, in quarters
 * @param stages one for each kind of stores, by name
 */
export async function killAll(share: number, stages: Readonly<Record<string, () => Promise<Stage>>>): Promise<void> {
  const again = KILLS >= MANY ? [0, 1, 2] : [0];
  const lanes = Object.entries(stages).flatMap(([name, setStage]) =>
    again.map((nth) => ({ name: `${name}-${nth}`, setStage, nth })),
  );
  const wanted = Math.ceil((KILLS * share) / 4 / lanes.length);
  const counts = await Promise.all(lanes.map((lane) => killLane(lane, wanted)));
  for (const each of counts) recordCounts({ ...each });
  for (const { kills } of counts) expect(kills).toBeGreaterThanOrEqual(wanted);
}

interface Lane {
  readonly name: string;
  readonly nth: number;
  readonly setStage: () => Promise<Stage>;
}

async function killLane({ name, nth, setStage }: Lane, wanted: number): Promise<Counts> {
  const progress = KILLS >= MANY ? progressOf(name) : undefined;
  let counts: Counts = progress && existsSync(progress) ? (JSON.parse(readFileSync(progress, "utf8")) as Counts) : NOTHING;
  while (counts.kills < wanted) {
    const stage = await setStage();
    try {
      // The places are gone through in one order: each lane and part begins elsewhere.
      const run = new CrashRun(stage, SEED + nth * 640 + counts.kills);
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
