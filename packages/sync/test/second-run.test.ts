import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend } from "@omni/core";
import { file } from "@omni/file";
import { memory } from "@omni/memory";
import { describeWithServers, type RunningServer } from "@omni/servers";
import { freshStore as freshGcs, makeBucket as makeGcsBucket } from "@omni/store-trials/gcs";
import { freshStore as freshS3, makeBucket as makeS3Bucket } from "@omni/store-trials/s3";
import { copy, sync } from "@omni/sync";
import { counted, harvest, listed, moment, plant, type Tree } from "./trees.ts";

const TREE: Tree = {
  "a.txt": { text: "alpha", at: 1, metadata: { owner: "ada" }, contentType: "text/plain" },
  "dir/b.bin": { text: "beta".repeat(1_000), at: 2 },
  "dir/sub/c": { text: "", at: 3 },
  "dir/ü.txt": { text: "gamma", at: 4 },
  "z z.txt": { text: "delta", at: 5 },
};
const KINDS = ["memory", "file", "s3", "gcs"] as const;
const PAIRS = KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const));

let folder: string;
const opened: Backend[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-sync-"));
});
afterAll(async () => {
  await Promise.all(opened.map((backend) => backend.close()));
  await rm(folder, { recursive: true, force: true });
});

function fresh(kind: (typeof KINDS)[number], current: (name: "s3" | "gcs") => RunningServer): Backend {
  const backend =
    kind === "memory"
      ? memory()
      : kind === "file"
        ? file({ root: join(folder, randomUUID()), fsync: false })
        : kind === "s3"
          ? freshS3(current("s3"))
          : freshGcs(current("gcs"));
  opened.push(backend);
  return backend;
}

await describeWithServers(["s3", "gcs"], "a second run", (current) => {
  beforeAll(async () => {
    await makeS3Bucket(current("s3"));
    await makeGcsBucket(current("gcs"));
  });

  test.each(PAIRS)("from %s to %s moves nothing and asks for no object", async (fromKind, toKind) => {
    const [from, to] = [fresh(fromKind, current), fresh(toKind, current)];
    await plant(from, TREE);
    const first = await sync({ from, to });
    expect(first.failures).toEqual([]);
    expect(first.counts).toMatchObject({ copied: 5, failed: 0 });
    expect(await harvest(to)).toEqual(await harvest(from));
    expect(await to.stat("a.txt")).toMatchObject({ modifiedAt: moment(1), metadata: { owner: "ada" }, contentType: "text/plain" });

    const [source, destination] = [counted(from), counted(to)];
    const second = await sync({ from: source.backend, to: destination.backend });
    expect(second.text()).toBe("= a.txt\n= dir/b.bin\n= dir/sub/c\n= dir/ü.txt\n= z z.txt\nsync: 5 same; 0 bytes");
    expect(second.bytes).toBe(0);
    // Listings, and where a listing does not show the kept times one more listing and one read, of the journal.
    const withJournal = fromKind === "s3" || toKind === "s3";
    expect(source.counts).toEqual({ list: 1 });
    expect(destination.counts).toEqual(withJournal ? { list: 2, read: 1 } : { list: 1 });
  });

  test.each(PAIRS)("from %s to %s copies what changed and nothing else, and deletes what is gone", async (fromKind, toKind) => {
    const [from, to] = [fresh(fromKind, current), fresh(toKind, current)];
    await plant(from, TREE);
    await sync({ from, to });
    await plant(from, { "a.txt": { text: "ALPHA", at: 10 }, "new.txt": { text: "new", at: 11 } });
    await from.delete("dir/sub/c");
    const report = await sync({ from, to });
    expect(report.text()).toBe(
      "* a.txt\n= dir/b.bin\n- dir/sub/c\n= dir/ü.txt\n+ new.txt\n= z z.txt\nsync: 1 copied, 1 updated, 1 deleted, 3 same; 8 bytes",
    );
    expect(await harvest(to)).toEqual(await harvest(from));
    expect((await sync({ from, to })).counts).toMatchObject({ same: 5, copied: 0, updated: 0, deleted: 0 });
  });

  test("finds a change at the destination that the journal does not know", async () => {
    const [from, to] = [fresh("file", current), fresh("s3", current)];
    await plant(from, TREE);
    await copy({ from, to });
    await to.write("a.txt", "other", { modifiedAt: moment(99) });
    const report = await copy({ from, to });
    expect(report.counts).toMatchObject({ updated: 1, same: 4 });
    expect((await harvest(to))["a.txt"]).toBe("alpha");
  });

  test("takes what another tool copied for the same when time or digest say so, and never asks again", async () => {
    const [from, to] = [fresh("gcs", current), fresh("s3", current)];
    await plant(from, TREE);
    await plant(to, { ...TREE, "dir/b.bin": { text: "beta".repeat(1_000), at: 77 } });
    const report = await copy({ from, to });
    expect(report.evidence).toEqual({ time: 4 });
    expect(report.counts).toMatchObject({ same: 4, touched: 1, copied: 0, updated: 0 });
    const destination = counted(to);
    expect((await copy({ from, to: destination.backend })).evidence).toEqual({ record: 5 });
    expect(destination.counts).toEqual({ list: 2, read: 1 });
    expect((await listed(to)).map(({ path }) => path)).toEqual(Object.keys(TREE));
  });
});
