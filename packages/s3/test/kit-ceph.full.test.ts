import { describeWithServer } from "@omni/servers";
import { emptied, freshStore, makeBucket } from "@omni/store-trials/s3";
import { kitAgainst } from "./kit-of.ts";

await kitAgainst("ceph", {
  "metadata: a listing shows the modification time that was kept":
    "a listing of S3 has the time of the upload alone; stat and read have the one that was kept",
});

// MinIO lists the uploads of an exact key alone: that the whole of a backend is swept can be shown here.
await describeWithServer("ceph", "sweepStale on ceph", (current) => {
  beforeAll(() => makeBucket(current()));

  test("removes the uploads of the whole backend, and nobody else's", async () => {
    const store = freshStore(current());
    const other = freshStore(current());
    const paths = Array.from({ length: 25 }, (_, at) => `folder ${at % 3}/ü+&=%41 ${at}`);
    const staged = await Promise.all(paths.map((path) => store.stage(path, path)));
    const foreign = await other.stage("folder 0/object", "another backend's");
    const [kept, ...given] = staged;
    const keep = kept ? [kept.token] : [];

    expect(await store.sweepStale({ olderThanMs: 3_600_000 })).toEqual({ removed: 0, kept: 25 });
    expect(await store.sweepStale({ olderThanMs: 0, prefix: "folder 1/", keep })).toEqual({ removed: 8, kept: 0 });
    expect(await store.sweepStale({ olderThanMs: 0, keep })).toEqual({ removed: 16, kept: 1 });
    expect(await store.sweepStale({ olderThanMs: 0, keep })).toEqual({ removed: 0, kept: 1 });
    for (const [at, { token }] of given.entries()) expect((await store.resumeStage(paths[at + 1] ?? "", token)).state).toBe("gone");
    await kept?.commit();
    expect(await (await store.read(paths[0] ?? "")).text()).toBe(paths[0]);
    await foreign.commit();

    for (const backend of [store, other]) {
      await emptied(current(), backend);
      await backend.close();
    }
  }, 120_000);
});
