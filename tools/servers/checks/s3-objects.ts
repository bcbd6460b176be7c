/** Objects, metadata, copies and checksums. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { assert, refused } from "./report.ts";
import { body, type S3Checks } from "./s3.ts";

export async function objects({ bucket, check, s3 }: S3Checks): Promise<void> {
  await check("create bucket", () => s3.createBucket({ Bucket: bucket }));
  await check("put/get", async () => {
    await s3.putObject({
      Bucket: bucket,
      Key: "a",
      Body: "hello",
      ContentType: "text/x",
      Metadata: { k: "v" },
      CacheControl: "max-age=5",
      ContentEncoding: "identity",
      ContentDisposition: "attachment",
    });
    const r = await s3.getObject({ Bucket: bucket, Key: "a" });
    assert((await body(r)).toString() === "hello", "body");
    assert(r.ContentType === "text/x", "ct");
    assert(r.Metadata!.k === "v", "md");
    assert(r.CacheControl === "max-age=5", "cc");
    assert(r.ContentDisposition === "attachment", "cd");
  });
  await check("empty object", async () => {
    await s3.putObject({ Bucket: bucket, Key: "e", Body: "" });
    assert((await s3.headObject({ Bucket: bucket, Key: "e" })).ContentLength === 0, "0");
  });
  await check("get missing", () => refused(s3.getObject({ Bucket: bucket, Key: "nope" }), "NoSuchKey"));
  await check("head missing", () => refused(s3.headObject({ Bucket: bucket, Key: "nope" }), "NotFound"));
  await check("no such bucket", () => refused(s3.getObject({ Bucket: "none-such-bucket", Key: "a" }), "NoSuchBucket"));
  await check("delete idempotent", async () => {
    await s3.deleteObject({ Bucket: bucket, Key: "nope" });
  });
  await check("range", async () => {
    const r = await s3.getObject({ Bucket: bucket, Key: "a", Range: "bytes=1-3" });
    assert((await body(r)).toString() === "ell", "r");
    assert(r.ContentRange === "bytes 1-3/5", `cr ${r.ContentRange}`);
  });
  await check("range suffix/open", async () => {
    assert((await body(await s3.getObject({ Bucket: bucket, Key: "a", Range: "bytes=-2" }))).toString() === "lo", "s");
    assert((await body(await s3.getObject({ Bucket: bucket, Key: "a", Range: "bytes=2-" }))).toString() === "llo", "o");
  });
  await check("range 416", () => refused(s3.getObject({ Bucket: bucket, Key: "a", Range: "bytes=9-10" }), "InvalidRange", 416));
  await check("stream CRC trailer", async () => {
    await s3.putObject({
      Bucket: bucket,
      Key: "tr",
      Body: Readable.from([Buffer.from("abc"), Buffer.from("def")]),
      ContentLength: 6,
      ChecksumAlgorithm: "CRC32",
    });
    const r = await s3.getObject({ Bucket: bucket, Key: "tr", ChecksumMode: "ENABLED" });
    assert((await body(r)).toString() === "abcdef", "body");
    assert(r.ChecksumCRC32, "returned crc32");
  });
  await check("crc32c / sha256 / sha1", async () => {
    for (const a of ["CRC32C", "SHA256", "SHA1"] as const) {
      await s3.putObject({ Bucket: bucket, Key: `ck${a}`, Body: "abc", ChecksumAlgorithm: a });
      const r = await s3.headObject({ Bucket: bucket, Key: `ck${a}`, ChecksumMode: "ENABLED" });
      assert(r[`Checksum${a}`], a);
    }
  });
  await check("wrong checksum refused", async () => {
    await refused(s3.putObject({ Bucket: bucket, Key: "wc", Body: "abc", ChecksumCRC32: "AAAAAA==" }), 400);
  });
  await check("content-md5 wrong", async () =>
    refused(
      s3.putObject({ Bucket: bucket, Key: "wm", Body: "abc", ContentMD5: createHash("md5").update("zzz").digest("base64") }),
      "BadDigest",
      400,
    ),
  );
  await check("copy", async () => {
    await s3.copyObject({ Bucket: bucket, Key: "cp", CopySource: `${bucket}/a` });
    const r = await s3.getObject({ Bucket: bucket, Key: "cp" });
    assert((await body(r)).toString() === "hello" && r.Metadata!.k === "v" && r.ContentType === "text/x", "copy");
  });
  await check("copy replace metadata", async () => {
    await s3.copyObject({
      Bucket: bucket,
      Key: "cp2",
      CopySource: `${bucket}/a`,
      MetadataDirective: "REPLACE",
      Metadata: { z: "1" },
      ContentType: "q/q",
    });
    const r = await s3.headObject({ Bucket: bucket, Key: "cp2" });
    assert(r.Metadata!.z === "1" && !r.Metadata!.k && r.ContentType === "q/q", JSON.stringify(r.Metadata));
  });
  await check("copy onto itself replace", async () => {
    await s3.copyObject({
      Bucket: bucket,
      Key: "cp2",
      CopySource: `${bucket}/cp2`,
      MetadataDirective: "REPLACE",
      Metadata: { y: "1" },
    });
    assert((await s3.headObject({ Bucket: bucket, Key: "cp2" })).Metadata!.y === "1", "y");
  });
  await check("copy encoded source", async () => {
    const k = "dir é+%/ü n?&#.txt";
    await s3.putObject({ Bucket: bucket, Key: k, Body: "u" });
    await s3.copyObject({ Bucket: bucket, Key: "cu", CopySource: `${bucket}/${k.split("/").map(encodeURIComponent).join("/")}` });
    assert((await body(await s3.getObject({ Bucket: bucket, Key: "cu" }))).toString() === "u", "u");
  });
  await check("metadata unicode (encoded) + long", async () => {
    await s3.putObject({
      Bucket: bucket,
      Key: "mu",
      Body: "",
      Metadata: { u: "=?UTF-8?B?w6k=?=", p: "%C3%A9", big: "x".repeat(1500), CaSe: "V" },
    });
    const r = await s3.headObject({ Bucket: bucket, Key: "mu" });
    assert(r.Metadata!.u === "=?UTF-8?B?w6k=?=" || r.Metadata!.u === "é", r.Metadata!.u);
    assert(r.Metadata!.p === "%C3%A9" && r.Metadata!.big!.length === 1500, "p");
    assert(r.Metadata!.case === "V", "case");
  });
  await check("metadata over 2 KB refused", () =>
    refused(s3.putObject({ Bucket: bucket, Key: "mb", Body: "", Metadata: { big: "x".repeat(3000) } }), 400),
  );
  await check("tags", async () => {
    await s3.putObject({ Bucket: bucket, Key: "tg", Body: "", Tagging: "a=b" });
    const r = await s3.getObjectTagging({ Bucket: bucket, Key: "tg" });
    assert(r.TagSet![0]!.Value === "b", "");
  });
  await check("storage class accepted", async () => {
    await s3.putObject({ Bucket: bucket, Key: "sc", Body: "", StorageClass: "STANDARD" });
  });
  await check("GetObjectAttributes", async () => {
    const r = await s3.getObjectAttributes({ Bucket: bucket, Key: "a", ObjectAttributes: ["ObjectSize", "ETag"] });
    assert(r.ObjectSize === 5, r.ObjectSize);
  });
  await check("versioning", async () => {
    await s3.putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } });
    await s3.putObject({ Bucket: bucket, Key: "ver", Body: "1" });
    await s3.putObject({ Bucket: bucket, Key: "ver", Body: "2" });
    const l = await s3.listObjectVersions({ Bucket: bucket, Prefix: "ver" });
    assert(l.Versions!.length === 2, l.Versions?.length);
  });
}
