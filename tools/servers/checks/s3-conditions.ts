/** Conditional reads, writes, copies and deletes. */
import { assert, refused } from "./report.ts";
import { body, type S3Checks } from "./s3.ts";

export async function conditions({ bucket, check, s3 }: S3Checks): Promise<void> {
  await check("get If-Match ok/bad", async () => {
    const h = await s3.headObject({ Bucket: bucket, Key: "a" });
    await s3.getObject({ Bucket: bucket, Key: "a", IfMatch: h.ETag });
    await refused(s3.getObject({ Bucket: bucket, Key: "a", IfMatch: '"0"' }), 412);
  });
  await check("get If-None-Match 304", async () => {
    const h = await s3.headObject({ Bucket: bucket, Key: "a" });
    await refused(s3.getObject({ Bucket: bucket, Key: "a", IfNoneMatch: h.ETag }), 304);
  });
  await check("put If-None-Match *", async () => {
    await s3.putObject({ Bucket: bucket, Key: "inm", Body: "1", IfNoneMatch: "*" });
    await refused(s3.putObject({ Bucket: bucket, Key: "inm", Body: "2", IfNoneMatch: "*" }), "PreconditionFailed", 412, 409);
    assert((await body(await s3.getObject({ Bucket: bucket, Key: "inm" }))).toString() === "1", "v");
  });
  await check("put If-None-Match race 8 x20", async () => {
    for (let i = 0; i < 20; i++) {
      const r = await Promise.allSettled(
        [...Array(8).keys()].map((j) => s3.putObject({ Bucket: bucket, Key: `race${i}`, Body: `v${j}`, IfNoneMatch: "*" })),
      );
      const w = r.flatMap((x, j) => (x.status === "fulfilled" ? [j] : []));
      assert(w.length === 1, `winners ${w} round ${i}`);
      assert((await body(await s3.getObject({ Bucket: bucket, Key: `race${i}` }))).toString() === `v${w[0]}`, "content");
      for (const x of r)
        if (x.status === "rejected") assert([409, 412].includes(x.reason.$metadata?.httpStatusCode), `code ${x.reason}`);
    }
  });
  await check("put If-Match", async () => {
    const p = await s3.putObject({ Bucket: bucket, Key: "im", Body: "1" });
    const q = await s3.putObject({ Bucket: bucket, Key: "im", Body: "2", IfMatch: p.ETag });
    await refused(s3.putObject({ Bucket: bucket, Key: "im", Body: "3", IfMatch: p.ETag }), 412);
    await s3.putObject({ Bucket: bucket, Key: "im", Body: "4", IfMatch: q.ETag });
  });
  await check("put If-Match missing", () =>
    refused(s3.putObject({ Bucket: bucket, Key: "im-none", Body: "1", IfMatch: '"abc"' }), 404, 412),
  );
  await check("put If-Match race 8 x20", async () => {
    for (let i = 0; i < 20; i++) {
      const p = await s3.putObject({ Bucket: bucket, Key: "imr", Body: `base${i}` });
      const r = await Promise.allSettled(
        [...Array(8).keys()].map((j) => s3.putObject({ Bucket: bucket, Key: "imr", Body: `r${i}v${j}`, IfMatch: p.ETag })),
      );
      const w = r.filter((x) => x.status === "fulfilled").length;
      assert(w === 1, `winners ${w} round ${i}`);
    }
  });
  await check("delete If-Match", async () => {
    const p = await s3.putObject({ Bucket: bucket, Key: "dim", Body: "1" });
    await refused(s3.deleteObject({ Bucket: bucket, Key: "dim", IfMatch: '"bad"' }), 412);
    await s3.deleteObject({ Bucket: bucket, Key: "dim", IfMatch: p.ETag });
    await refused(s3.headObject({ Bucket: bucket, Key: "dim" }), 404);
  });
  await check("copy CopySourceIfMatch", async () => {
    await refused(s3.copyObject({ Bucket: bucket, Key: "cq", CopySource: `${bucket}/a`, CopySourceIfMatch: '"bad"' }), 412);
  });
  await check("copy dest If-None-Match", async () => {
    await refused(s3.copyObject({ Bucket: bucket, Key: "cp", CopySource: `${bucket}/e`, IfNoneMatch: "*" }), 412);
  });
}
