import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describeWithServer } from "@omni/servers";
import { makeBucket } from "./bucket.ts";
import { bareEnvironment, linesOf, OMNI, objectsOf, omni, withDirectory } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;
const SMALL = ["--objects", "5", "--size", "2K", "--concurrency", "2"];
const OPERATIONS = ["put", "get", "list", "delete"];

test(
  "prints a row for each kind of request, and leaves nothing behind",
  () =>
    withDirectory(async (cwd) => {
      await mkdir(join(cwd, "store"));
      const { code, stdout, stderr } = await omni(["bench", "store", ...SMALL], { cwd });
      expect([code, stderr.split("\n").length]).toEqual([0, 3]);
      expect(stderr).toMatch(/^5 objects of 2 KiB, 2 at once, at file:.*, below omni-bench-[\da-f-]+\/\n.*not a benchmark\.\n$/);
      const [head = "", ...rows] = linesOf(stdout);
      expect(head.split(/ {2,}/)).toEqual(["operation", "requests", "per second", "bytes per second", "median", "95 % within"]);
      const figures = "\\d+\\.\\d +(?:[\\d.]+ \\w+|-) +\\d+\\.\\d ms +\\d+\\.\\d ms$";
      expect(rows).toEqual(OPERATIONS.map((name) => expect.stringMatching(new RegExp(`^${name} +5 +${figures}`))));
      expect(await readdir(join(cwd, "store"))).toEqual([".omni"]);
    }),
  TIME_MS,
);

test(
  "--json gives an object for each, --dry-run does nothing, and what makes no sense is refused",
  () =>
    withDirectory(async (cwd) => {
      await mkdir(join(cwd, "store"));
      const [json, dry, none] = await Promise.all([
        omni(["bench", "store", ...SMALL, "--json", "--quiet"], { cwd }),
        omni(["bench", "planned", ...SMALL, "--dry-run"], { cwd }),
        omni(["bench", "store", "--objects", "0"], { cwd }),
      ]);
      expect([json.code, json.stderr]).toEqual([0, ""]);
      const measures = objectsOf(json.stdout);
      expect(measures.map(({ operation }) => operation)).toEqual(OPERATIONS);
      for (const measure of measures) {
        const { operation, bytes, wallMs, medianMs, p95Ms } = measure as Record<string, number> & { operation: string };
        expect(measure).toMatchObject({ requests: 5, size: 2_048, concurrency: 2 });
        expect([operation, bytes]).toEqual([operation, operation === "put" || operation === "get" ? 10_240 : 0]);
        expect(wallMs).toBeGreaterThan(0);
        expect(p95Ms).toBeGreaterThanOrEqual(medianMs as number);
        expect(p95Ms).toBeLessThanOrEqual(wallMs as number);
      }
      expect([dry.code, dry.stdout]).toEqual([
        0,
        expect.stringMatching(/^would write, read, list and delete 5 objects of 2 KiB, 2 at once, at file:.*\n$/),
      ]);
      expect([none.code, none.stderr]).toEqual([64, expect.stringContaining("--objects and --concurrency are 1 or more")]);
      expect(await readdir(cwd)).toEqual(["store"]);
      expect(await readdir(join(cwd, "store"))).toEqual([".omni"]);
    }),
  TIME_MS,
);

test(
  "interrupted, it takes away what it wrote",
  () =>
    withDirectory(async (cwd) => {
      await mkdir(join(cwd, "store"));
      const [node = "", ...flags] = OMNI;
      const args = ["bench", "store", "--objects", "1000000", "--size", "1K"];
      const child = spawn(node, [...flags, ...args], { cwd, env: bareEnvironment(), stdio: ["ignore", "ignore", "pipe"] });
      let messages = "";
      let isTold = false;
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        messages += text;
        if (!isTold && messages.includes("below omni-bench-")) isTold = child.kill("SIGINT");
      });
      const [code] = (await once(child, "close")) as [number];
      expect([code, messages.split("\n")[1]]).toEqual([130, "omni: interrupted"]);
      expect((await readdir(join(cwd, "store"))).filter((name) => name !== ".omni")).toEqual([]);
    }),
  TIME_MS,
);

await describeWithServer("s3", "omni bench on an S3 server", (current) => {
  test(
    "measures a folder of a bucket, and leaves the rest alone",
    () =>
      withDirectory(async (cwd) => {
        const { env, bucket } = await makeBucket(current());
        const run = (args: readonly string[], input = "") => omni(args, { cwd, env, input });
        expect((await run(["put", "-", `s3://${bucket}/in/kept`], "kept")).code).toBe(0);
        const ended = await run(["bench", `s3://${bucket}/in`, ...SMALL, "--json"]);
        expect([ended.code, objectsOf(ended.stdout).map(({ operation }) => operation)]).toEqual([0, OPERATIONS]);
        expect((await run(["ls", "-R", `s3://${bucket}`])).stdout).toBe("in/kept\n");
      }),
    TIME_MS,
  );
});
