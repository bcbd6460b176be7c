import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type CheckContext, CheckFailure } from "../check.ts";
import { runJest } from "../jest.ts";
import { flakyLines, type SuiteResult, secondRun } from "../second-run.ts";

const suite = (name: string, status: SuiteResult["status"], ...failed: string[]): SuiteResult => ({
  name: `/clone/${name}`,
  status,
  assertionResults: [{ fullName: "holds", status: "passed" }, ...failed.map((fullName) => ({ fullName, status: "failed" }))],
});

describe("a suite that failed", () => {
  test("is run again when it does the same on each run", () => {
    const kit = suite("packages/queue-nats/test/kit.test.ts", "failed", "kit › acks");
    expect(secondRun("/clone", [suite("packages/s3/test/kit.test.ts", "passed"), kit])).toEqual([kit]);
    expect(flakyLines("/clone", [kit])).toEqual([
      "flaky: packages/queue-nats/test/kit.test.ts: kit › acks: failed beside other suites, passed alone",
    ]);
  });

  test.each([
    "packages/multi/test/property.test.ts",
    "packages/file/test/crash/crash.test.ts",
    "packages/queue-kafka/test/broker-stops.test.ts",
    "packages/s3/test/faults.test.ts",
    "packages/queue-composite/test/strategies.property.test.ts",
  ])("is not, when it tries something else each time: %s", (name) => {
    expect(secondRun("/clone", [suite("packages/s3/test/kit.test.ts", "failed", "x"), suite(name, "failed", "x")])).toEqual([]);
  });
});

describe("a run of jest", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "omni-second-"));
    mkdirSync(join(root, "node_modules", "jest", "bin"), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** A jest that ends as told, one end after another, and notes its arguments. */
  function run(...ends: readonly SuiteResult["status"][]): {
    readonly calls: string[][];
    readonly outcome: ReturnType<typeof runJest>;
  } {
    const calls: string[][] = [];
    const context: Partial<CheckContext> = {
      root,
      scratch: root,
      log: () => undefined,
      run: async (_, args) => {
        const failed = ends[calls.length] === "failed";
        const results = [{ ...suite("", "passed"), name: join(root, "kit.test.ts"), status: ends[calls.length] }];
        const numbers = { numPassedTests: failed ? 1 : 2, numFailedTests: failed ? 1 : 0, numPendingTests: 0, numTodoTests: 0 };
        const report = { success: !failed, ...numbers, numRuntimeErrorTestSuites: 0, testResults: results };
        writeFileSync(join(root, "jest.json"), JSON.stringify(report));
        calls.push(args.slice(1));
        return readFileSync(join(root, "jest.json"), "utf8");
      },
    };
    return { calls, outcome: runJest(context as CheckContext, { args: [] }) };
  }

  test("passes at the second time, and tells of the first", async () => {
    const { calls, outcome } = run("failed", "passed");
    expect(await outcome).toMatchObject({ passed: 2, failed: 0, note: expect.stringMatching(/^flaky: kit\.test\.ts: /) });
    expect(calls[1]).toEqual(expect.arrayContaining(["--runInBand", "--runTestsByPath", join(root, "kit.test.ts")]));
    // Jest refuses both, and prints its help.
    expect(calls.map((args) => args.filter((word) => /^--(maxWorkers|runInBand)/.test(word)).length)).toEqual([1, 1]);
  });

  test("fails when the second does", async () => {
    await expect(run("failed", "failed").outcome).rejects.toThrow(new CheckFailure("1 failed"));
  });

  test("is one run when it passes", async () => {
    const { calls, outcome } = run("passed");
    expect(await outcome).toEqual({ passed: 2, failed: 0, skipped: 0 });
    expect(calls).toHaveLength(1);
  });
});
