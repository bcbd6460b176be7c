import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { recordCounts } from "@omni/property";
import { describeWithServer } from "@omni/servers";
import type { UploadMemoryReport } from "@omni/store-trials";
import { sourceFlags } from "../../../tools/bootstrap/toolchain.mjs";
import { optionsOf, Stores } from "./store.ts";

const MIB = 1024 * 1024;
const SIZE_BYTES = 256 * MIB;
/** The promise. A megabyte is under way; the rest is what ssh2 copies and encrypts, and the collector takes some 75 MiB at a time. */
const BOUND_BYTES = 128 * MIB;
const isLinux = process.platform === "linux";

await describeWithServer("ssh", "memory of a stream to sftp", (current) => {
  const promise = `of ${SIZE_BYTES / MIB} MiB stays within ${BOUND_BYTES / MIB} MiB above idle`;
  test(isLinux ? promise : `${promise} (measured on Linux alone)`, async () => {
    expect(BOUND_BYTES).toBeLessThan(SIZE_BYTES);
    if (!isLinux) return;
    const stores = new Stores(current);
    const store = stores.fresh();
    const order = {
      options: { ...optionsOf(current()), root: stores.rootOf(store) },
      sizeBytes: SIZE_BYTES,
      chunkLengths: [64 * 1024],
    };
    const line = [...sourceFlags(), "--expose-gc", join(import.meta.dirname, "memory-program.ts"), JSON.stringify(order)];
    const { stdout } = await promisify(execFile)(process.execPath, line, { env: { ...process.env, NODE_OPTIONS: "" } });
    const { peaks } = JSON.parse(stdout) as UploadMemoryReport;
    for (const { chunkBytes, aboveIdleBytes } of peaks) {
      expect({ chunkBytes, aboveIdleBytes, isWithin: aboveIdleBytes <= BOUND_BYTES }).toMatchObject({ isWithin: true });
      recordCounts({ "stream of 256 MiB, peak above idle in bytes": aboveIdleBytes });
    }
    expect(peaks).toHaveLength(1);
    await store.close();
  }, 300_000);
});
