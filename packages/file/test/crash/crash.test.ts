import { writeFile } from "node:fs/promises";
import { runCrashes } from "./harness.ts";

const kills = Number(process.env.OMNI_KILLS ?? 6);
const seed = Number(process.env.OMNI_SEED ?? Date.now() % 1_000_000);

test(
  `${kills} kills at random moments: old or new, whole, with its own metadata`,
  async () => {
    const report = await runCrashes({ kills, seed });
    if (process.env.OMNI_RESULT_FILE) await writeFile(process.env.OMNI_RESULT_FILE, `${JSON.stringify(report, undefined, 2)}\n`);
    expect(report).toMatchObject({ seed, violations: [] });
    expect(report.kills).toBeGreaterThanOrEqual(kills);
    expect(report.objects).toBeGreaterThan(0);
    expect(report.steps).toBeGreaterThan(kills);
  },
  30_000 + kills * 3_000,
);
