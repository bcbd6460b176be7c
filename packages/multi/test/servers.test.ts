import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Backend, MultiError, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { file } from "@omni/file";
import { gcs } from "@omni/gcs";
import { type MemberSource, multi, type WriteOutcome } from "@omni/multi";
import { s3 } from "@omni/s3";
import { describeWithServer, type RunningServer, requireServer } from "@omni/servers";
import { makeGcsBucket, makeS3Bucket } from "./buckets.ts";

const PATH = "reports/big.bin";
const MIB = 1024 * 1024;
/** Larger than what is held instead of staged, so that every store really stages. */
const BYTES = 12 * MIB;

async function* body(fill: number, midway?: () => Promise<void>): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < BYTES; at += MIB) {
    if (at === BYTES / 2) await midway?.();
    yield new Uint8Array(MIB).fill(fill);
  }
}

/** What a store holds: `old`, `new`, nothing, or something torn. */
async function holds(store: Backend): Promise<string> {
  try {
    const bytes = await (await store.read(PATH)).bytes();
    const uniform = bytes.every((byte) => byte === bytes[0]);
    return bytes.byteLength === BYTES && uniform ? ({ 1: "old", 2: "new" }[bytes[0] as number] ?? "torn") : "torn";
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return "nothing";
    throw error;
  }
}

async function rejection(work: Promise<unknown>): Promise<MultiError<WriteOutcome>> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error) => error as MultiError<WriteOutcome>,
  );
}

const title = "multi over a folder, S3 and Google Cloud Storage, with an S3 server that is killed";
const s3Server = await requireServer("s3", { private: true });

if ("skipped" in s3Server) describe.skip(title, () => test("needs both servers", () => expect(s3Server).toHaveProperty("url")));
else
  await describeWithServer("gcs", title, (google: () => RunningServer) => {
    const amazon = (): RunningServer => s3Server;
    afterAll(() => amazon().stop());
    let root: string;
    let stores: { s3: Backend; gcs: Backend; file: Backend };

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), "omni-multi-servers-"));
    });
    afterAll(() => rm(root, { recursive: true, force: true }));
    beforeEach(async () => {
      const [bucket, prefix] = [`omni-multi-${randomUUID().slice(0, 8)}`, "data"];
      await makeS3Bucket(amazon(), bucket);
      await makeGcsBucket(google(), bucket);
      const { url, credentials, region } = amazon();
      stores = {
        s3: s3({
          bucket,
          prefix,
          endpoint: url,
          region,
          ...credentials,
          provider: "minio",
          partSizeBytes: 5 * MIB,
          maxAttempts: 2,
          connectTimeoutMs: 2_000,
        }),
        gcs: gcs({ bucket, prefix, apiEndpoint: google().url, project: "test" }),
        file: file({ root: join(root, bucket) }),
      };
      for (const store of Object.values(stores)) await store.write(PATH, body(1));
    });
    afterEach(() => Promise.all(Object.values(stores).map((store) => store.close())));

    /** The stores, S3 with faults, in the order given. */
    const group = (order: readonly (keyof typeof stores)[], faults: readonly Fault[]) => {
      const broken = faulty(stores.s3, faults);
      const members: MemberSource[] = order.map((name) => ({ name, backend: name === "s3" ? broken : stores[name] }));
      return { store: multi(members, { memberTimeoutMs: 20_000 }), faults: broken.faults };
    };
    const contents = async (order: readonly (keyof typeof stores)[]) => Promise.all(order.map((name) => holds(stores[name])));

    test("writes to all three", async () => {
      const order = ["s3", "gcs", "file"] as const;
      const info = await group(order, []).store.write(PATH, body(2));
      expect(info.outcomes.map(({ state }) => state)).toEqual(["committed", "committed", "committed"]);
      expect(await contents(order)).toEqual(["new", "new", "new"]);
    });

    test("killed while it stages: nothing is visible anywhere", async () => {
      const order = ["s3", "gcs", "file"] as const;
      const error = await rejection(
        group(order, []).store.write(
          PATH,
          body(2, () => amazon().kill()),
        ),
      );
      await amazon().restart();
      expect(MultiError.is(error, "PARTIAL_FAILURE")).toBe(true);
      expect(error.outcome).toBe("not-applied");
      expect(error.outcomes.map(({ member, state }) => [member, state])).toEqual([
        ["s3", "failed"],
        ["gcs", "discarded"],
        ["file", "discarded"],
      ]);
      expect(await contents(order)).toEqual(["old", "old", "old"]);
    });

    test("killed before the commits: nothing is visible anywhere", async () => {
      const order = ["s3", "gcs", "file"] as const;
      const { store, faults } = group(order, [{ on: "commit", do: "hang", once: true }]);
      const writing = rejection(store.write(PATH, body(2)));
      await faults.struck();
      await amazon().kill();
      faults.release();
      const error = await writing;
      await amazon().restart();
      expect(error.outcomes.slice(1).map(({ state }) => state)).toEqual(["discarded", "discarded"]);
      expect(["failed", "unknown"]).toContain(error.outcomes[0]?.state);
      expect(await contents(order)).toEqual(["old", "old", "old"]);
    });

    test("killed between the commits: every member holds old or new, whole, and the outcomes are true", async () => {
      const order = ["gcs", "s3", "file"] as const;
      const { store, faults } = group(order, [{ on: "commit", do: "hang", once: true }]);
      const writing = rejection(store.write(PATH, body(2)));
      await faults.struck();
      await amazon().kill();
      faults.release();
      const error = await writing;
      await amazon().restart();
      expect(error.outcomes.map(({ state }) => state)).toEqual(["committed", expect.stringMatching(/failed|unknown/), "committed"]);
      expect(error.outcome).toBe("unknown");
      expect(await contents(order)).toEqual(["new", "old", "new"]);
    });

    test("killed after its commit, before its answer: unknown, and it holds the new object", async () => {
      const order = ["gcs", "s3", "file"] as const;
      const { store, faults } = group(order, [
        { on: "commit", do: "fail-after-commit" },
        // The look for the write id must not find the server either.
        { on: "stat", do: "hang", once: true },
      ]);
      const writing = rejection(store.write(PATH, body(2)));
      await faults.struck(2);
      await amazon().kill();
      faults.release();
      const error = await writing;
      await amazon().restart();
      expect(error.outcomes.map(({ state }) => state)).toEqual(["committed", "unknown", "committed"]);
      expect(await contents(order)).toEqual(["new", "new", "new"]);
    });
  });
