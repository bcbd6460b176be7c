import { randomUUID } from "node:crypto";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";
import { s3 } from "@omni/s3";
import { describeWithServer } from "@omni/servers";
import { makeS3Bucket } from "./buckets.ts";

await describeWithServer("s3", "deletes of a journalled group with a member at an S3 server", (current) => {
  /** As MinIO is, without conditional delete; or as AWS is, with one, which MinIO ignores. */
  const store = async (provider: "minio" | "aws") => {
    const { url, credentials, region } = current();
    const bucket = `omni-marks-${randomUUID().slice(0, 8)}`;
    await makeS3Bucket(current(), bucket);
    return s3({ bucket, endpoint: url, region, ...credentials, provider, usePathStyle: true });
  };

  test("leave a mark, which the next write replaces and a sweep removes", async () => {
    const member = await store("minio");
    const group = multi([memory(), member], { journal: memory(), readPolicy: "round-robin" });
    await group.write("a", "old");
    await group.write("b", "old");
    await group.delete("a");
    await group.delete("b");
    expect(await member.stat("a")).toMatchObject({ size: 45, metadata: { "deleted-by-omni": expect.any(String) } });
    for (let turn = 0; turn < group.count; turn++) {
      expect(await Array.fromAsync(group.list())).toEqual([]);
      expect(await group.exists("a")).toBe(false);
    }
    await group.write("b", "new");
    expect(await group.sweepStale({ olderThanMs: 0, prefix: "a" })).toMatchObject({ s3: { marks: 1 } });
    expect((await Array.fromAsync(member.list())).map(({ path }) => path)).toEqual(["b"]);
    expect(await group.verify().summary()).toMatchObject({ objects: 1, clean: true });
    await member.close();
  });

  test("stage and remove a mark where etags repeat with the bytes", async () => {
    const member = await store("aws");
    const group = multi([memory(), member], { journal: memory() });
    await group.write("a", "old");
    await group.delete("a");
    expect(await member.exists("a")).toBe(false);
    expect(await group.exists("a")).toBe(false);
    await member.close();
  });
});
