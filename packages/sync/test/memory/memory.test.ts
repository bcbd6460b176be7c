import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { recordCounts } from "@omni/property";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));
const MIB = 1024 * 1024;

test("a migration of any number of objects holds as much in memory as one of few", async () => {
  const objects = Number(process.env.OMNI_RUNS ?? 40_000);
  const args = ["--expose-gc", "--conditions=@omni/source", "--no-warnings", WORKER, String(objects)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { ok, copied, samples } = JSON.parse(stdout) as {
    ok: boolean;
    copied: number;
    samples: { objects: number; heapBytes: number }[];
  };
  expect({ ok, copied }).toEqual({ ok: true, copied: objects });
  expect(samples.length).toBeGreaterThanOrEqual(10);
  const heaps = samples.map(({ heapBytes }) => heapBytes);
  // Between the second tenth and the last nothing may grow with the number of objects: 8 MiB is the window, the pools and noise.
  expect(Math.max(...heaps.slice(2)) - (heaps[1] ?? 0)).toBeLessThan(8 * MIB);
  recordCounts({ "objects through memory": copied });
}, 600_000);
