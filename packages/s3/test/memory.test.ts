import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { recordCounts } from "@omni/property";
import { describeWithServer } from "@omni/servers";
import type { UploadMemoryReport } from "@omni/store-trials";
import { makeBucket } from "@omni/store-trials/s3";
import { sourceFlags } from "../../../tools/bootstrap/toolchain.mjs";
import type { MemoryOrder } from "./memory-program.ts";

const MIB = 1024 * 1024;
const PART_BYTES = 8 * MIB;
const CONCURRENCY = 4;
/** The promise: the parts that are on the way, and 60 MiB for everything else. */
const BOUND_BYTES = PART_BYTES * CONCURRENCY + 60 * MIB;
const SIZE_BYTES = (process.env.OMNI_TIER === "full" ? 1024 : 160) * MIB;
const CHUNKS_BYTES = [PART_BYTES, 64 * 1024, 1024];
const LIMIT_MS = 900_000;

const isLinux = process.platform === "linux";

await describeWithServer("s3", "memory of an upload to s3", (current) => {
  beforeAll(() => makeBucket(current()));

  const promise = `stays within ${BOUND_BYTES / MIB} MiB above idle, whatever the chunks`;
  test(
    isLinux ? promise : `${promise} (measured on Linux alone)`,
    async () => {
      expect(PART_BYTES * CONCURRENCY).toBeLessThan(SIZE_BYTES / 4);
      if (!isLinux) return;
      const line = [...sourceFlags(), "--expose-gc", join(import.meta.dirname, "memory-program.ts")];
      const { name, url, credentials, region } = current();
      const peaks: UploadMemoryReport["peaks"][number][] = [];
      // Each in a process of its own: what the C library keeps of a million small chunks is no memory of the next upload.
      for (const chunkBytes of CHUNKS_BYTES) {
        const order = {
          server: { name, url, credentials, region },
          partSizeBytes: PART_BYTES,
          concurrency: CONCURRENCY,
          sizeBytes: SIZE_BYTES,
          chunkLengths: [chunkBytes],
        } as unknown as MemoryOrder;
        const { stdout } = await promisify(execFile)(process.execPath, [...line, JSON.stringify(order)], {
          timeout: LIMIT_MS,
          env: { ...process.env, NODE_OPTIONS: "" },
        });
        peaks.push(...(JSON.parse(stdout) as UploadMemoryReport).peaks);
      }
      expect(peaks.map(({ chunkBytes }) => chunkBytes)).toEqual(CHUNKS_BYTES);
      for (const { chunkBytes, aboveIdleBytes } of peaks) {
        // A body that were kept whole would show, and so would one that were not sent at all.
        expect([chunkBytes, aboveIdleBytes <= BOUND_BYTES, aboveIdleBytes]).toEqual([chunkBytes, true, aboveIdleBytes]);
        expect(aboveIdleBytes).toBeGreaterThan(PART_BYTES);
        recordCounts({ [`uploads by chunks of ${chunkBytes} bytes, peak above idle in bytes`]: aboveIdleBytes });
      }
    },
    LIMIT_MS + 10_000,
  );
});
