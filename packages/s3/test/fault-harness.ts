// Runs operations under faults in a process of its own and prints the tally as JSON. A rejection that nobody handles ends the process, and so the test.
import { randomUUID } from "node:crypto";
import { faultProxy } from "@omni/fault-proxy";
import type { RunningServer } from "@omni/servers";
import { emptyTally, faultRun, random } from "./fault-run.ts";
import { freshStore } from "./store.ts";

/** What the harness is told by its one argument. */
export interface FaultOrder {
  readonly server: RunningServer;
  readonly seed: number;
  readonly runs: number;
}

const LANES = 8;
const { server, seed, runs } = JSON.parse(process.argv[2] ?? "") as FaultOrder;
const tally = emptyTally();

async function lane(number: number): Promise<void> {
  const prefix = randomUUID();
  const proxy = await faultProxy(server.url);
  const store = freshStore(server, { endpoint: proxy.url, prefix, socketTimeoutMs: 400, partSizeBytes: 5 * 1024 * 1024 });
  const direct = freshStore(server, { prefix });
  const next = random(seed + number);
  while (tally.runs < runs) await faultRun(proxy, store, direct, next, tally);
  await store.close();
  await direct.close();
  await proxy.close();
}

await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
await new Promise((resolve) => process.stdout.write(JSON.stringify(tally), resolve));
// After thousands of sockets that were reset on purpose Node may wait for ever for one of them in its own clean-up.
process.exit(0);
