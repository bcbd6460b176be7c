import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend, ObjectReader } from "@omni/core";
import { file } from "@omni/file";
import { multi } from "@omni/multi";
import { killRuns, recordCounts } from "@omni/property";
import { s3 } from "@omni/s3";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { makeS3Bucket } from "./buckets.ts";

const MIB = 1024 * 1024;
const PATH = "large/object.bin";
/** Far more than what the network may still bring after a server died. */
const BYTES = 48 * MIB;
const kills = killRuns({ push: 5, test: 5 });
/** Every so often the object is replaced while it is read. */
const REPLACE_EVERY = 5;

/** Every MiB is another one, and another in each version. */
function chunkAt(version: number, at: number): Buffer {
  return Buffer.from(
    createHash("sha512")
      .update(`${version}:${at}`)
      .digest("hex")
      .repeat(MIB / 128),
  );
}

async function* version(number: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < BYTES; at += MIB) yield chunkAt(number, at);
}

async function digestOfVersion(number: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of version(number)) hash.update(chunk);
  return hash.digest("hex");
}

/** Reads on; calls back once as soon as so many bytes have come. */
async function digestWhile(reader: ObjectReader, atByte: number, strike: () => Promise<void>): Promise<string> {
  const hash = createHash("sha256");
  let bytes = 0;
  let struck = false;
  for await (const chunk of reader) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    if (struck || bytes < atByte) continue;
    struck = true;
    await strike();
  }
  return hash.digest("hex");
}

await describeWithServer(
  "s3",
  "a large read whose serving member is killed",
  (current: () => RunningServer) => {
    let root: string;
    let near: Backend;
    let far: Backend;

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), "omni-multi-failover-"));
      const bucket = `omni-failover-${randomUUID().slice(0, 8)}`;
      await makeS3Bucket(current(), bucket);
      const { url, credentials, region } = current();
      near = s3({ bucket, endpoint: url, region, ...credentials, provider: "minio", maxAttempts: 1, connectTimeoutMs: 2_000 });
      far = file({ root });
    }, 60_000);
    afterAll(async () => {
      await Promise.all([near.close(), far.close()]);
      await rm(root, { recursive: true, force: true });
    });

    test(
      `${kills} times: right bytes, or a rejection when it was replaced meanwhile`,
      async () => {
        const members = [
          { name: "near", backend: near },
          { name: "far", backend: far },
        ];
        const counts = { serverKills: 0, rightBytes: 0, failovers: 0, replacedRejected: 0 };
        let written = 0;
        await multi(members).write(PATH, version(++written));
        let expected = await digestOfVersion(written);
        for (let kill = 1; kill <= kills; kill++) {
          // A group of its own for each kill: the member that is killed is the one that serves.
          const store = multi(members, { memberTimeoutMs: 20_000 });
          const froms: string[] = [];
          store.events.on("failover", ({ from, to }) => froms.push(`${from} to ${to}`));
          const atByte = 1 + Math.floor(Math.random() * (BYTES / 3));
          const replaced = kill % REPLACE_EVERY === 0;
          const [result] = await Promise.allSettled([
            digestWhile(await store.read(PATH), atByte, async () => {
              // Not at the member that serves: MinIO lets no write of an object begin while it is read.
              if (replaced) await multi([far]).write(PATH, version(++written));
              await current().kill();
              counts.serverKills += 1;
            }),
          ]);
          await current().restart();
          if (replaced) {
            // What the network still brought may have been all of it: then it is the former object, whole.
            if (result?.status === "fulfilled") expect(result.value).toBe(expected);
            else {
              expect(["PRECONDITION_FAILED", "UNAVAILABLE"]).toContain(result?.reason.code);
              counts.replacedRejected += 1;
            }
            await multi(members).write(PATH, version(written));
            expected = await digestOfVersion(written);
          } else {
            expect(result).toEqual({ status: "fulfilled", value: expected });
            counts.rightBytes += 1;
          }
          counts.failovers += froms.filter((way) => way === "near to far").length;
        }
        recordCounts(counts);
        expect(counts.serverKills).toBe(kills);
        expect(counts.replacedRejected).toBeGreaterThan(0);
        expect(counts.failovers).toBeGreaterThanOrEqual(Math.floor(counts.rightBytes * 0.8));
      },
      60_000 + kills * 20_000,
    );
  },
  { private: true },
);
