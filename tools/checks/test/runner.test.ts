import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Check, CheckFailure } from "../check.ts";
import { mergeCounts, readCounts } from "../harness.ts";
import { type RunSettings, runChecks } from "../runner.ts";
import { verification } from "../verification.ts";

let root = "";
let printed: string[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "omni-checks-"));
  printed = [];
  execFileSync("git", ["init", "-q"], { cwd: root });
  writeFileSync(join(root, "package.json"), JSON.stringify({ packageManager: "pnpm@12.0.0", devDependencies: { jest: "30.0.0" } }));
  writeFileSync(join(root, "source.ts"), "export {};\n");
  execFileSync("git", ["add", "."], { cwd: root });
  execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-q", "-m", "One"], { cwd: root });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const settings = (more: Partial<RunSettings> = {}): RunSettings => ({
  root,
  cache: join(root, "cache"),
  tier: "push",
  env: { PATH: process.env.PATH },
  print: (line) => printed.push(...line.split("\n")),
  ...more,
});
/** Not one that is dead and waits to be collected. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

const check = (more: Partial<Check>): Check => ({
  name: "one",
  about: "a check",
  tiers: ["push"],
  budgetSeconds: 60,
  run: async () => ({}),
  ...more,
});

describe("a run", () => {
  test("ends with one line of counts, and only one", async () => {
    const totals = await runChecks([check({}), check({ name: "two", run: async () => ({ passed: 7, skipped: 2 }) })], settings());
    expect(totals).toEqual({ passed: 8, failed: 0, skipped: 2 });
    expect(printed.at(-1)).toBe("8 passed, 0 failed, 2 skipped");
    expect(printed.filter((line) => /^\d+ passed, \d+ failed/.test(line))).toHaveLength(1);
  });

  test("npm test inside of the push tier keeps the push tier's numbers", async () => {
    const tiers: (string | undefined)[] = [];
    const look = check({ run: async ({ env }) => ({ passed: tiers.push(env.OMNI_TIER) }) });
    await runChecks([look], settings({ tier: "test" }));
    await runChecks([look], settings({ tier: "test", env: { OMNI_TIER: "push" } }));
    await runChecks([look], settings());
    expect(tiers).toEqual(["test", "push", "push"]);
  });

  test("a failing check is told with the end of its log, and the next one still runs", async () => {
    const failing = check({ run: ({ run }) => run("sh", ["-c", "echo broken promise; exit 3"]).then(() => ({})) });
    const totals = await runChecks([failing, check({ name: "two" })], settings());
    expect(totals).toEqual({ passed: 1, failed: 1, skipped: 0 });
    expect(printed.join("\n")).toMatch(/✗ one \(.*\): sh ended with 3\n {2}\| \$ sh -c .*\n {2}\| broken promise/);
  });

  test("a failure with counts keeps them; a defect in a check is a failure", async () => {
    const counted = check({ run: () => Promise.reject(new CheckFailure("2 failed", { passed: 5, failed: 2 })) });
    const defect = check({ run: () => Promise.reject(new TypeError("not a function")) });
    expect(await runChecks([counted, defect], settings())).toEqual({ passed: 5, failed: 3, skipped: 0 });
  });

  test("over its budget a check fails in push and is only told in test", async () => {
    const times = [0, 0, 61_000, 61_000];
    const now = (): number => times.shift() ?? 61_000;
    expect(await runChecks([check({})], settings({ now }))).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(printed.join("\n")).toContain("✗ one (1 min 1 s): took 1 min 1 s, its budget is 60 s");
    times.push(0, 0, 61_000);
    expect(await runChecks([check({})], settings({ now: () => times.shift() ?? 61_000, tier: "test" }))).toEqual({
      passed: 1,
      failed: 0,
      skipped: 0,
    });
  });

  test("a hung check is stopped at twice its budget, with the processes it started", async () => {
    const pidFile = join(root, "pid");
    const hung = check({
      budgetSeconds: 0.25,
      // The shell's own words only: a bare machine's PATH has little else.
      run: ({ run }) => run("sh", ["-c", `while :; do :; done & echo $! > ${pidFile}; wait`]).then(() => ({})),
    });
    expect(await runChecks([hung], settings())).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(printed.join("\n")).toContain("stopped after twice its budget of 0.25 s");
    const pid = Number(readFileSync(pidFile, "utf8"));
    // Killed: on a busy machine it dies, and is collected by whoever adopted it, a little later.
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  test("a skip is told with its reason, and fails where everything is required", async () => {
    const absent = check({ run: async () => ({ skip: "no broker; npm run servers -- install" }) });
    expect(await runChecks([absent], settings())).toEqual({ passed: 0, failed: 0, skipped: 1 });
    expect(printed).toContain("skipped: one (no broker; npm run servers -- install)");
    expect(await runChecks([absent], settings({ env: { OMNI_REQUIRE_SERVERS: "1" } }))).toEqual({
      passed: 0,
      failed: 1,
      skipped: 0,
    });
  });
});

describe("the full tier", () => {
  const harness = (runs: () => void): Check =>
    check({
      name: "kills",
      tiers: ["full"],
      inputs: ["source.ts"],
      run: async (context) => {
        runs();
        await context.run("sh", [
          "-c",
          'echo \'{"kills":120}\' >> "$OMNI_RESULT_FILE"; echo \'{"kills":80,"torn":0}\' >> "$OMNI_RESULT_FILE"',
        ]);
        return { counts: readCounts(context) };
      },
    });
  const push = (full: Check): Promise<unknown> =>
    runChecks([check({ name: "verification", run: verification([full]) })], settings());

  test("missing fails the push; recorded is not made again; a changed input makes it stale; force repeats", async () => {
    let made = 0;
    const full = harness(() => (made += 1));
    expect(await push(full)).toMatchObject({ failed: 1 });
    expect(printed.join("\n")).toContain("no result in docs/verification for kills: npm run verify:full -- kills");

    await runChecks([full], settings({ tier: "full", env: { PATH: process.env.PATH, OMNI_SEED: "99" } }));
    const result = JSON.parse(readFileSync(join(root, "docs/verification/kills.json"), "utf8")) as object;
    expect(result).toMatchObject({
      check: "kills",
      counts: { kills: 200, torn: 0 },
      seed: 99,
      command: "npm run verify:full -- kills",
    });
    expect(result).toMatchObject({ commit: execFileSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).trim() });
    expect(await push(full)).toMatchObject({ failed: 0 });

    await runChecks([full], settings({ tier: "full" }));
    expect(made).toBe(1);

    writeFileSync(join(root, "source.ts"), "export const changed = true;\n");
    expect(await push(full)).toMatchObject({ failed: 0 });
    expect(printed.join("\n")).toContain("stale, inputs changed since: kills");
    await runChecks([full], settings({ tier: "full" }));
    await runChecks([full], settings({ tier: "full", force: true }));
    expect(made).toBe(3);
  });

  test("a failed harness records nothing", async () => {
    const full = harness(() => {
      throw new CheckFailure("torn: 1");
    });
    expect(await runChecks([full], settings({ tier: "full" }))).toMatchObject({ failed: 1 });
    expect(await push(full)).toMatchObject({ failed: 1 });
  });

  test("counts that were not counted are a failure", () => {
    mkdirSync(join(root, "scratch"));
    expect(() => readCounts({ env: { OMNI_RESULT_FILE: join(root, "scratch/none.json") } })).toThrow("left no counts");
    writeFileSync(join(root, "scratch/empty.json"), "\n");
    expect(() => readCounts({ env: { OMNI_RESULT_FILE: join(root, "scratch/empty.json") } })).toThrow("empty");
    expect(mergeCounts([{ runs: 2, seed: 1 }, { runs: 3, what: "x" }, { what: "y" }])).toEqual({ runs: 5, seed: 1, what: "y" });
  });
});
