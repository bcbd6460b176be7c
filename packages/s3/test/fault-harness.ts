// Runs operations under faults in a process of its own and prints the tally as JSON. A rejection that nobody handles ends the process, and so the test.
import { randomUUID } from "node:crypto";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { faultProxy } from "@omni/fault-proxy";
import type { S3Backend } from "@omni/s3";
import type { RunningServer } from "@omni/servers";
import { type FaultLane, faultLanes } from "@omni/store-trials";
import { freshStore, S3_REFUSALS } from "@omni/store-trials/s3";

/** What the harness is told by its one argument. */
export interface HarnessOrder {
  readonly server: RunningServer;
  readonly seed: number;
  readonly runs: number;
}

const { server, seed, runs } = JSON.parse(process.argv[2] ?? "") as HarnessOrder;
const PART_BYTES = 5 * 1024 * 1024;

async function open(): Promise<FaultLane> {
  const prefix = randomUUID();
  const proxy = await faultProxy(server.url);
  const store = freshStore(server, { endpoint: proxy.url, prefix, socketTimeoutMs: 400, partSizeBytes: PART_BYTES });
  const direct = freshStore(server, { prefix });
  return {
    proxy,
    store,
    direct,
    leftovers: (paths) => uploadsLeft(direct, paths),
    async close() {
      await store.close();
      await direct.close();
      await proxy.close();
    },
  };
}

// MinIO lists uploads by exact key only.
async function uploadsLeft(store: S3Backend, paths: readonly string[]): Promise<readonly string[]> {
  const client = await store.driver.client();
  const [bucket, prefix] = (store.driver.identity ?? "").split("|").slice(-2).map(decodeURIComponent);
  const left: string[] = [];
  for (const path of paths) {
    await store.sweepStale({ olderThanMs: 0, prefix: path });
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${prefix}${path}` }));
    left.push(...Uploads.map(({ Key = "" }) => Key));
  }
  return left;
}

const tally = await faultLanes({
  seed,
  runs,
  refusals: S3_REFUSALS,
  largeBytes: PART_BYTES + 1_000,
  mostRepeats: 4,
  open,
});
await new Promise((resolve) => process.stdout.write(JSON.stringify(tally), resolve));
// After thousands of sockets that were reset on purpose Node may wait for ever for one of them in its own clean-up.
process.exit(0);
