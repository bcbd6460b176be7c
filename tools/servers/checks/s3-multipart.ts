/** Uploads in parts. */
import { Readable } from "node:stream";
import type { ListMultipartUploadsCommandOutput } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { assert, refused } from "./report.ts";
import { body, type S3Checks } from "./s3.ts";

const fiveMiB = Buffer.alloc(5 << 20, 7);

export async function multipart({ bucket, check, s3 }: S3Checks): Promise<void> {
  await check("multipart", async () => {
    const { UploadId } = await s3.createMultipartUpload({ Bucket: bucket, Key: "mp", ContentType: "x/y", Metadata: { a: "b" } });
    const p1 = await s3.uploadPart({ Bucket: bucket, Key: "mp", UploadId, PartNumber: 1, Body: fiveMiB });
    const p2 = await s3.uploadPart({ Bucket: bucket, Key: "mp", UploadId, PartNumber: 2, Body: "tail" });
    await refused(s3.headObject({ Bucket: bucket, Key: "mp" }), 404);
    const l = await s3.listParts({ Bucket: bucket, Key: "mp", UploadId });
    assert(l.Parts!.length === 2, "parts");
    const r = await s3.completeMultipartUpload({
      Bucket: bucket,
      Key: "mp",
      UploadId,
      MultipartUpload: {
        Parts: [
          { PartNumber: 1, ETag: p1.ETag, ChecksumCRC32: p1.ChecksumCRC32 },
          { PartNumber: 2, ETag: p2.ETag, ChecksumCRC32: p2.ChecksumCRC32 },
        ],
      },
    });
    assert(/-2"?$/.test(r.ETag!), `etag ${r.ETag}`);
    const h = await s3.headObject({ Bucket: bucket, Key: "mp" });
    assert(h.ContentLength === fiveMiB.length + 4 && h.ContentType === "x/y" && h.Metadata!.a === "b", "head");
  });
  await check("multipart complete twice", async () => {
    const { UploadId } = await s3.createMultipartUpload({ Bucket: bucket, Key: "mp2" });
    const p = await s3.uploadPart({ Bucket: bucket, Key: "mp2", UploadId, PartNumber: 1, Body: "x" });
    const i = {
      Key: "mp2",
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32 }] },
    };
    await s3.completeMultipartUpload({ Bucket: bucket, ...i });
    try {
      await s3.completeMultipartUpload({ Bucket: bucket, ...i });
    } catch (e) {
      if ((e as Error).name !== "NoSuchUpload") throw e;
    }
  });
  await check("multipart complete INM", async () => {
    await s3.putObject({ Bucket: bucket, Key: "mp3", Body: "old" });
    const { UploadId } = await s3.createMultipartUpload({ Bucket: bucket, Key: "mp3" });
    const p = await s3.uploadPart({ Bucket: bucket, Key: "mp3", UploadId, PartNumber: 1, Body: "x" });
    const i = {
      Key: "mp3",
      UploadId,
      IfNoneMatch: "*",
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32 }] },
    };
    await refused(s3.completeMultipartUpload({ Bucket: bucket, ...i }), 412, 409);
    assert((await body(await s3.getObject({ Bucket: bucket, Key: "mp3" }))).toString() === "old", "old");
  });
  await check("multipart complete If-Match", async () => {
    const o = await s3.putObject({ Bucket: bucket, Key: "mp4", Body: "old" });
    const { UploadId } = await s3.createMultipartUpload({ Bucket: bucket, Key: "mp4" });
    const p = await s3.uploadPart({ Bucket: bucket, Key: "mp4", UploadId, PartNumber: 1, Body: "x" });
    const i = {
      Key: "mp4",
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32 }] },
    };
    await refused(s3.completeMultipartUpload({ Bucket: bucket, ...i, IfMatch: '"bad"' }), 412);
    await s3.completeMultipartUpload({ Bucket: bucket, ...i, IfMatch: o.ETag });
  });
  await check("abort", async () => {
    const { UploadId } = await s3.createMultipartUpload({ Bucket: bucket, Key: "ab" });
    await s3.uploadPart({ Bucket: bucket, Key: "ab", UploadId, PartNumber: 1, Body: "x" });
    await s3.abortMultipartUpload({ Bucket: bucket, Key: "ab", UploadId });
    await refused(s3.listParts({ Bucket: bucket, Key: "ab", UploadId }), "NoSuchUpload");
    await refused(s3.uploadPart({ Bucket: bucket, Key: "ab", UploadId, PartNumber: 1, Body: "x" }), "NoSuchUpload");
  });
  await check("list uploads", async () => {
    const ids = [];
    for (const k of ["lu/a", "lu/b", "lu/b", "zz/c"])
      ids.push((await s3.createMultipartUpload({ Bucket: bucket, Key: k })).UploadId);
    const l = await s3.listMultipartUploads({ Bucket: bucket, Prefix: "lu/" });
    assert(l.Uploads?.length === 3, `n ${l.Uploads?.length}`);
    assert(l.Uploads[0]!.Initiated instanceof Date, "initiated");
    let n = 0;
    let km: string | undefined;
    let um: string | undefined;
    for (let g = 0; g < 10; g++) {
      const q: ListMultipartUploadsCommandOutput = await s3.listMultipartUploads({
        Bucket: bucket,
        Prefix: "lu/",
        MaxUploads: 1,
        KeyMarker: km,
        UploadIdMarker: um,
      });
      n += q.Uploads?.length ?? 0;
      if (!q.IsTruncated) break;
      km = q.NextKeyMarker;
      um = q.NextUploadIdMarker;
    }
    assert(n === 3, `paged ${n}`);
  });
  await check("part too small", async () => {
    const { UploadId } = await s3.createMultipartUpload({ Bucket: bucket, Key: "sm" });
    const p1 = await s3.uploadPart({ Bucket: bucket, Key: "sm", UploadId, PartNumber: 1, Body: "x" });
    const p2 = await s3.uploadPart({ Bucket: bucket, Key: "sm", UploadId, PartNumber: 2, Body: "x" });
    await refused(
      s3.completeMultipartUpload({
        Bucket: bucket,
        Key: "sm",
        UploadId,
        MultipartUpload: { Parts: [p1, p2].map((p, i) => ({ PartNumber: i + 1, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32 })) },
      }),
      "EntityTooSmall",
    );
  });
  await check("lib-storage Upload", async () => {
    const u = new Upload({
      client: s3,
      params: {
        Bucket: bucket,
        Key: "ls",
        Body: Readable.from(
          (function* () {
            for (let i = 0; i < 200; i++) yield Buffer.alloc(65536, i);
          })(),
        ),
      },
      partSize: 5 << 20,
    });
    await u.done();
    const r = await body(await s3.getObject({ Bucket: bucket, Key: "ls" }));
    assert(r.length === 200 * 65536 && r[65536 * 150] === 150, "content");
  });
  await check("multipart full object crc32c", async () => {
    const { UploadId } = await s3.createMultipartUpload({
      Bucket: bucket,
      Key: "fo",
      ChecksumAlgorithm: "CRC32C",
      ChecksumType: "FULL_OBJECT",
    });
    const p = await s3.uploadPart({ Bucket: bucket, Key: "fo", UploadId, PartNumber: 1, Body: "abc", ChecksumAlgorithm: "CRC32C" });
    await s3.completeMultipartUpload({
      Bucket: bucket,
      Key: "fo",
      UploadId,
      ChecksumType: "FULL_OBJECT",
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag: p.ETag, ChecksumCRC32C: p.ChecksumCRC32C }] },
    });
    const h = await s3.headObject({ Bucket: bucket, Key: "fo", ChecksumMode: "ENABLED" });
    assert(h.ChecksumCRC32C === p.ChecksumCRC32C, `${h.ChecksumCRC32C} ${h.ChecksumType}`);
  });
  await check("upload part copy", async () => {
    const { UploadId } = await s3.createMultipartUpload({ Bucket: bucket, Key: "upc" });
    const p = await s3.uploadPartCopy({
      Bucket: bucket,
      Key: "upc",
      UploadId,
      PartNumber: 1,
      CopySource: `${bucket}/mp`,
      CopySourceRange: "bytes=0-5242879",
    });
    const q = await s3.uploadPartCopy({
      Bucket: bucket,
      Key: "upc",
      UploadId,
      PartNumber: 2,
      CopySource: `${bucket}/mp`,
      CopySourceRange: "bytes=5242880-5242883",
    });
    await s3.completeMultipartUpload({
      Bucket: bucket,
      Key: "upc",
      UploadId,
      MultipartUpload: {
        Parts: [p, q].map((x, i) => ({
          PartNumber: i + 1,
          ETag: x.CopyPartResult!.ETag,
          ChecksumCRC32: x.CopyPartResult!.ChecksumCRC32,
        })),
      },
    });
    const r = await body(await s3.getObject({ Bucket: bucket, Key: "upc", Range: "bytes=5242880-" }));
    assert(r.toString() === "tail", r.toString());
  });
}
