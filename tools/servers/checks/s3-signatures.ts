/** Refused signatures and signed URLs. */
import { setTimeout as delay } from "node:timers/promises";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { assert, refused } from "./report.ts";
import type { S3Checks } from "./s3.ts";

export async function signatures({ bucket, check, client, s3 }: S3Checks): Promise<void> {
  await check("wrong secret", async () => {
    const other = client({ secret: "x" });
    await refused(other.getObject({ Bucket: bucket, Key: "a" }), "SignatureDoesNotMatch");
  });
  await check("unknown key", async () => {
    const other = client({ keyId: "zz" });
    await refused(other.getObject({ Bucket: bucket, Key: "a" }), "InvalidAccessKeyId");
  });
  await check("clock skew", async () => {
    const other = client({ offsetMs: 7_200_000 });
    await refused(other.getObject({ Bucket: bucket, Key: "a" }), "RequestTimeTooSkewed");
  });
  await check("wrong region", async () => {
    const other = client({ region: "eu-west-3" });
    await refused(other.getObject({ Bucket: bucket, Key: "a" }), "AuthorizationHeaderMalformed", "PermanentRedirect", 301, 400);
  });
  await check("presigned get", async () => {
    const u = await getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: "a", ResponseContentType: "r/r" }), {
      expiresIn: 60,
    });
    const r = await fetch(u);
    assert(
      r.status === 200 && (await r.text()) === "hello" && r.headers.get("content-type") === "r/r",
      `${r.status} ${r.headers.get("content-type")}`,
    );
  });
  await check("presigned put", async () => {
    const u = await getSignedUrl(s3, new PutObjectCommand({ Bucket: bucket, Key: "pp", ContentType: "a/b" }), {
      expiresIn: 60,
      signableHeaders: new Set(["content-type"]),
    });
    const r = await fetch(u, { method: "PUT", body: "pp", headers: { "content-type": "a/b" } });
    assert(r.status === 200, r.status + (await r.text()));
    const w = await fetch(u, { method: "PUT", body: "pp", headers: { "content-type": "x/b" } });
    assert(w.status === 403, `wrong ct ${w.status}`);
  });
  await check("presigned put unsigned ct", async () => {
    const u = await getSignedUrl(s3, new PutObjectCommand({ Bucket: bucket, Key: "pq" }), { expiresIn: 60 });
    const r = await fetch(u, { method: "PUT", body: "pp", headers: { "content-type": "a/b" } });
    assert(r.status === 200, r.status + (await r.text()).slice(0, 100));
  });
  await check("presigned expiry", async () => {
    const u = await getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: "a" }), { expiresIn: 1 });
    await delay(2500);
    const r = await fetch(u);
    assert(r.status === 403, r.status);
  });
  await check("presigned post", async () => {
    const p = await createPresignedPost(s3, {
      Bucket: bucket,
      Key: "po",
      Conditions: [["content-length-range", 1, 5]],
      Expires: 60,
    });
    const f = new FormData();
    for (const [k, v] of Object.entries(p.fields)) f.append(k, v);
    f.append("file", new Blob(["abc"]));
    const r = await fetch(p.url, { method: "POST", body: f });
    assert(r.status < 300, r.status + (await r.text()).slice(0, 100));
    const g = new FormData();
    for (const [k, v] of Object.entries(p.fields)) g.append(k, v);
    g.append("file", new Blob(["abcdefghij"]));
    const q = await fetch(p.url, { method: "POST", body: g });
    assert(q.status >= 400, `too long ${q.status}`);
  });
}
