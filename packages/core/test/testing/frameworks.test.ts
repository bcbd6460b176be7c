import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { storageKit } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { collectKit } from "./collected-kit.ts";

const FIXTURES = fileURLToPath(new URL("./fixtures/", import.meta.url));
const CASES = collectKit(() => memory()).length;

interface Run {
  readonly code: number;
  readonly output: string;
}

/** Runs Node as a user would: not with the flags of this test run. */
function runNode(args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: "", NODE_TEST_CONTEXT: undefined, NO_COLOR: "1", FORCE_COLOR: undefined };
    execFile(process.execPath, args, { cwd: FIXTURES, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
    );
  });
}

/** The runs strip types by a flag where this version of Node does not by itself. */
const NODE = ["--conditions=@omni/source", ...(process.features.typescript ? [] : ["--experimental-strip-types"])];

describe("the storage kit under other frameworks", () => {
  test("has at least 120 cases", () => {
    expect(CASES).toBeGreaterThanOrEqual(120);
  });

  test("passes under node:test, without an expect", async () => {
    const { code, output } = await runNode([...NODE, "--test", "--test-reporter=tap", join(FIXTURES, "kit.node.ts")]);
    expect({ code, pass: /# pass (\d+)/.exec(output)?.[1], fail: /# fail (\d+)/.exec(output)?.[1] }).toEqual({
      code: 0,
      pass: String(CASES),
      fail: "0",
    });
  }, 120_000);

  test("fails under node:test where a promise is broken, and says which", async () => {
    const { code, output } = await runNode([...NODE, "--test", "--test-reporter=tap", join(FIXTURES, "kit.broken.node.ts")]);
    expect(code).toBe(1);
    expect(output).toMatch(/not ok \d+ - metadata is kept/);
    expect(output).toContain('in stat: {}, not {"owner":"ada","build-id":"42"}');
  }, 120_000);

  test("passes under vitest", async () => {
    const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
    const folder = await mkdtemp(join(tmpdir(), "omni-vitest-"));
    try {
      const file = join(folder, "report.json");
      const { code, output } = await runNode([vitest, "run", "--root", FIXTURES, "--reporter=json", `--outputFile=${file}`]);
      if (code !== 0) throw new Error(output);
      const { numPassedTests, numFailedTests } = JSON.parse(await readFile(file, "utf8")) as {
        numPassedTests: number;
        numFailedTests: number;
      };
      expect({ pass: numPassedTests, fail: numFailedTests }).toEqual({ pass: CASES, fail: 0 });
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 120_000);
});

// Without `features` nothing is known beforehand: every case is registered and decides when it runs.
storageKit("memory, not known beforehand", async () => memory(), { describe, test, expect });
