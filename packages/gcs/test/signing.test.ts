import { createHash, createVerify } from "node:crypto";
import { Storage } from "@google-cloud/storage";
import { gcs } from "@omni/gcs";
import { describeWithServer } from "@omni/servers";
import { CREDENTIALS, freshStore, makeBucket, PUBLIC_KEY } from "@omni/store-trials/gcs";

const NOW = new Date("2026-03-04T05:06:07.890Z");
const store = gcs({ bucket: "photos", prefix: "a", credentials: CREDENTIALS });
const PATH = "some folder/grüße & +100%.txt";

/** The SDK of an application that does without Omni. */
function sdk(): Storage {
  const client = new Storage({ projectId: "test" });
  client.authClient.jsonContent = CREDENTIALS;
  return client;
}

const file = sdk().bucket("photos").file(`a/${PATH}`);

// Timers go on: the SDK waits for some.
const RealDate = Date;
class StillDate extends RealDate {
  constructor(...given: [] | [value: number | string | Date]) {
    super(given[0] ?? NOW);
  }
  static override now(): number {
    return NOW.getTime();
  }
}

beforeAll(() => {
  globalThis.Date = StillDate as DateConstructor;
});
afterAll(() => {
  globalThis.Date = RealDate;
  return store.close();
});

describe("signed URLs are those of the SDK for the same clock and key", () => {
  const expires = new Date(NOW.getTime() + 600_000);

  test("GET, with the headers of the answer", async () => {
    const [expected] = await file.getSignedUrl({
      version: "v4",
      action: "read",
      expires,
      responseType: "text/plain",
      responseDisposition: 'attachment; filename="a b.txt"',
    });
    const signed = await store.signUrl(PATH, {
      expiresInSeconds: 600,
      responseContentType: "text/plain",
      responseContentDisposition: 'attachment; filename="a b.txt"',
    });
    expect(signed).toEqual({ url: expected, method: "GET", headers: {}, expiresAt: new Date("2026-03-04T05:16:07.000Z") });
    expect(signed.url).toContain("X-Goog-Expires=600");
  });

  test("PUT, with a content type and bounds of the length", async () => {
    const [expected] = await file.getSignedUrl({
      version: "v4",
      action: "write",
      expires,
      contentType: "image/png",
      extensionHeaders: { "x-goog-content-length-range": "1,5000" },
    });
    const signed = await store.signUrl(PATH, {
      method: "PUT",
      expiresInSeconds: 600,
      contentType: "image/png",
      minBytes: 1,
      maxBytes: 5000,
    });
    expect(signed.url).toBe(expected);
    expect(signed.headers).toEqual({ "content-type": "image/png", "x-goog-content-length-range": "1,5000" });
  });

  test("DELETE", async () => {
    const [expected] = await file.getSignedUrl({ version: "v4", action: "delete", expires });
    expect((await store.signUrl(PATH, { method: "DELETE", expiresInSeconds: 600 })).url).toBe(expected);
  });

  test("POST, with a content type and bounds of the length", async () => {
    const [expected] = await file.generateSignedPostPolicyV4({
      expires: "2026-03-04T05:16:07.000Z",
      conditions: [["content-length-range", 0, 5000]],
      fields: { "content-type": "image/png" },
    });
    const signed = await store.signUrl(PATH, { method: "POST", expiresInSeconds: 600, contentType: "image/png", maxBytes: 5000 });
    expect(signed.url).toBe(expected.url);
    expect(signed.fields).toEqual(expected.fields);
    const policy = JSON.parse(Buffer.from(signed.fields?.policy ?? "", "base64").toString());
    expect(policy.expiration).toBe("2026-03-04T05:16:07Z");
    expect(policy.conditions).toContainEqual(["content-length-range", 0, 5000]);
    expect(policy.conditions).toContainEqual({ "content-type": "image/png" });
    expect(policy.conditions).toContainEqual({ key: `a/${PATH}` });
  });
});

// https://cloud.google.com/storage/docs/authentication/canonical-requests, written down anew
test("a signature is what the store would compute", async () => {
  const { url, headers } = await store.signUrl(PATH, { method: "PUT", contentType: "image/png", maxBytes: 10 });
  const { pathname, host, searchParams } = new URL(url);
  const signature = searchParams.get("X-Goog-Signature") ?? "";
  searchParams.delete("X-Goog-Signature");
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...searchParams].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${encode(name)}=${encode(value)}`);
  const signed = Object.entries({ host, ...headers }).sort(([a], [b]) => (a < b ? -1 : 1));
  const canonical = [
    "PUT",
    pathname,
    query.join("&"),
    ...signed.map(([name, value]) => `${name}:${value}`),
    "",
    signed.map(([name]) => name).join(";"),
    "UNSIGNED-PAYLOAD",
  ].join("\n");
  const digest = createHash("sha256").update(canonical).digest("hex");
  const text = ["GOOG4-RSA-SHA256", "20260304T050607Z", "20260304/auto/storage/goog4_request", digest].join("\n");
  const verify = createVerify("RSA-SHA256").update(text);
  expect(verify.verify(PUBLIC_KEY, Buffer.from(signature, "hex"))).toBe(true);
});

test.each([
  [{ expiresInSeconds: 604_801 }, /from 1 to 604800/],
  [{ method: "PUT" as const, minBytes: 5, maxBytes: 4 }, /minBytes \(5\) is above maxBytes \(4\)/],
])("%j is refused", async (options, words) => {
  await expect(store.signUrl("a", options)).rejects.toThrow(words);
});

test("credentials without a key say what is needed", async () => {
  const user = gcs({
    bucket: "photos",
    credentials: { type: "authorized_user", client_id: "c", client_secret: "hunter2", refresh_token: "r" },
  });
  await expect(user.signUrl("a")).rejects.toMatchObject({
    code: "UNAUTHENTICATED",
    message: expect.stringMatching(/service account/),
  });
  await user.close();
});

await describeWithServer("gcs", "signed URLs on a server", (current) => {
  beforeAll(() => makeBucket(current()));

  test("PUT, GET and DELETE by their URLs", async () => {
    await using bucket = freshStore(current());
    const put = await bucket.signUrl("a b.txt", { method: "PUT", contentType: "text/plain" });
    const answer = await fetch(put.url, { method: "PUT", headers: put.headers, body: "by URL" });
    expect(answer.status).toBe(200);
    expect(await (await bucket.read("a b.txt")).text()).toBe("by URL");
    expect((await bucket.stat("a b.txt")).contentType).toBe("text/plain");
    const get = await bucket.signUrl("a b.txt");
    expect(await (await fetch(get.url)).text()).toBe("by URL");
    const remove = await bucket.signUrl("a b.txt", { method: "DELETE" });
    expect((await fetch(remove.url, { method: "DELETE" })).ok).toBe(true);
    expect(await bucket.exists("a b.txt")).toBe(false);
  });

  test("POST by a form", async () => {
    await using bucket = freshStore(current());
    const { url, fields } = await bucket.signUrl("form.txt", { method: "POST", contentType: "text/plain", maxBytes: 100 });
    const form = new FormData();
    for (const [name, value] of Object.entries(fields ?? {})) form.append(name, value);
    form.append("file", new Blob(["by form"]), "form.txt");
    const answer = await fetch(url, { method: "POST", body: form });
    expect(answer.ok).toBe(true);
    expect(await (await bucket.read("form.txt")).text()).toBe("by form");
  });
});
