// Uploads streams in a process of its own and prints what they took of memory as JSON.
import { randomUUID } from "node:crypto";
import type { RunningServer } from "@omni/servers";
import { uploadMemory } from "@omni/store-trials";
import { freshStore } from "@omni/store-trials/s3";

/** What the program is told by its one argument. */
export interface MemoryOrder {
  readonly server: RunningServer;
  readonly partSizeBytes: number;
  readonly concurrency: number;
  readonly sizeBytes: number;
  readonly chunkLengths: readonly number[];
}

const { server, sizeBytes, chunkLengths, ...parts } = JSON.parse(process.argv[2] ?? "") as MemoryOrder;
// With checksums, as on Amazon S3: the way that takes most.
const store = freshStore(server, { prefix: randomUUID(), checksum: "crc32c", ...parts });
process.stdout.write(JSON.stringify(await uploadMemory(store, sizeBytes, chunkLengths)));
await store.close();
