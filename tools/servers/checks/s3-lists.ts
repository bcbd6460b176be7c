/** Keys and listings. */
import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { assert, byBytes } from "./report.ts";
import { body, type S3Checks } from "./s3.ts";

export async function lists({ bucket, check, s3 }: S3Checks): Promise<void> {
  await check("unicode keys list url-encoded", async () => {
    const ks = ["u/é", "u/日本 語", "u/a+b", "u/😀", "u/x\u0001y", "u/..foo", "u/a%2Fb", "u/<&>"];
    const errs = [];
    for (const k of ks)
      try {
        await s3.putObject({ Bucket: bucket, Key: k, Body: k });
      } catch (e) {
        errs.push(`${k}: ${e}`);
      }
    assert(!errs.length, errs.join());
    const l = await s3.listObjectsV2({ Bucket: bucket, Prefix: "u/", EncodingType: "url" });
    const got = l.Contents!.map((o) => (l.EncodingType === "url" ? decodeURIComponent(o.Key!.replace(/\+/g, " ")) : o.Key));
    const want = byBytes(ks);
    assert(JSON.stringify(got) === JSON.stringify(want), JSON.stringify(got));
  });
  await check("long key 1024, 900 one segment", async () => {
    await s3.putObject({
      Bucket: bucket,
      Key: `${"l/".padEnd(200, "x")}/${"y".repeat(200)}/${"z".repeat(200)}/${"w".repeat(200)}/${"v".repeat(200)}`,
      Body: "1",
    });
    await s3.putObject({ Bucket: bucket, Key: "k".repeat(900), Body: "1" });
  });
  await check("file and folder of one name", async () => {
    await s3.putObject({ Bucket: bucket, Key: "ff", Body: "1" });
    await s3.putObject({ Bucket: bucket, Key: "ff/x", Body: "2" });
    assert((await body(await s3.getObject({ Bucket: bucket, Key: "ff" }))).toString() === "1", "ff");
  });
  await check("delete leaves no folder", async () => {
    await s3.putObject({ Bucket: bucket, Key: "dl/a/b", Body: "2" });
    await s3.deleteObject({ Bucket: bucket, Key: "dl/a/b" });
    const l = await s3.listObjectsV2({ Bucket: bucket, Prefix: "dl" });
    assert(!l.Contents?.length, JSON.stringify(l.Contents));
    const m = await s3.listObjectsV2({ Bucket: bucket, Prefix: "dl", Delimiter: "/" });
    assert(!m.CommonPrefixes?.length, JSON.stringify(m.CommonPrefixes));
  });
  await check("list paging + order", async () => {
    await Promise.all(
      [...Array(60).keys()].map((i) => s3.putObject({ Bucket: bucket, Key: `pg/${i}${i % 3 ? "/x" : "-y"}`, Body: "1" })),
    );
    const all: string[] = [];
    let tok: string | undefined;
    do {
      const l: ListObjectsV2CommandOutput = await s3.listObjectsV2({
        Bucket: bucket,
        Prefix: "pg/",
        MaxKeys: 7,
        ContinuationToken: tok,
      });
      all.push(...l.Contents!.map((o) => o.Key!));
      tok = l.NextContinuationToken;
      assert(!l.IsTruncated || tok, "tok");
    } while (tok);
    const w = byBytes(all);
    assert(all.length === 60, `n ${all.length}`);
    assert(JSON.stringify(all) === JSON.stringify(w), `order ${all.slice(0, 8)}`);
  });
  await check("list order a/ a- a.", async () => {
    for (const k of ["or/a/x", "or/a-b", "or/a.c", "or/a0", "or/A"]) await s3.putObject({ Bucket: bucket, Key: k, Body: "" });
    const l = await s3.listObjectsV2({ Bucket: bucket, Prefix: "or/" });
    assert(l.Contents!.map((o) => o.Key!).join() === "or/A,or/a-b,or/a.c,or/a/x,or/a0", l.Contents!.map((o) => o.Key!).join());
  });
  await check("list prefix plain string", async () => {
    const l = await s3.listObjectsV2({ Bucket: bucket, Prefix: "pg/1" });
    assert(l.Contents!.length === 11, `n ${l.Contents!.length}`);
  });
  await check("list startAfter", async () => {
    const l = await s3.listObjectsV2({ Bucket: bucket, Prefix: "or/", StartAfter: "or/a.c" });
    assert(l.Contents!.map((o) => o.Key!).join() === "or/a/x,or/a0", l.Contents!.map((o) => o.Key!).join());
  });
  await check("list delimiter paging", async () => {
    const all: string[] = [];
    let tok: string | undefined;
    do {
      const l: ListObjectsV2CommandOutput = await s3.listObjectsV2({
        Bucket: bucket,
        Prefix: "pg/",
        Delimiter: "/",
        MaxKeys: 7,
        ContinuationToken: tok,
      });
      all.push(...(l.Contents ?? []).map((o) => o.Key!), ...(l.CommonPrefixes ?? []).map((o) => o.Prefix!));
      tok = l.NextContinuationToken;
    } while (tok);
    assert(all.length === 60, `n ${all.length}`);
  });
  await check("list missing prefix", async () => {
    const l = await s3.listObjectsV2({ Bucket: bucket, Prefix: "zzzz-none/" });
    assert(!l.Contents?.length, "");
  });
  await check("delete many", async () => {
    for (const k of ["dm1", "dm2"]) await s3.putObject({ Bucket: bucket, Key: k, Body: "" });
    const r = await s3.deleteObjects({
      Bucket: bucket,
      Delete: { Objects: ["dm1", "dm2", "dm-none", "dm é<&>"].map((Key) => ({ Key })) },
    });
    assert(r.Deleted!.length === 4 && !r.Errors?.length, JSON.stringify(r));
  });
}
