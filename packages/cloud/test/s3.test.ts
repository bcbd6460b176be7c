import { createHash, randomBytes, randomUUID } from "node:crypto";
import { request as send } from "node:http";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { defineClouds, type SignedUpload, type StoredObject } from "@omni/cloud";
import { isSameStore } from "@omni/core";
import { s3 } from "@omni/s3";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { type MinioUser, makeUser } from "./minio-admin.ts";

const TEXT = Buffer.from("0123456789");

await describeWithServer("s3", "clouds on an S3 server", (current) => {
  const bucket = `clouds-${randomUUID()}`;
  const own = [`tenant-${randomUUID()}`, `tenant-${randomUUID()}`] as const;
  let clouds: ReturnType<typeof define>;

  const define = (server: RunningServer) =>
    defineClouds({ uploads: { backend: storeOf(server, bucket), prefix: "in" } }, { env: {}, secret: "a secret of the tests" });

  beforeAll(async () => {
    for (const name of [bucket, ...own]) await makeBucket(current(), name);
    clouds = define(current());
  });
  afterAll(() => clouds.close());

  test("URLs and signed uploads work before their expiry and not after", async () => {
    const object = await clouds.uploads.insert(TEXT, { filename: "Grüße 1.txt" });
    const expiresInSeconds = 6;
    const [url, upload, form] = await Promise.all([
      clouds.uploads.url(object, { expiresInSeconds, download: true }),
      clouds.uploads.signUpload({ filename: "a.txt", sizeBytes: 10, expiresInSeconds }),
      clouds.uploads.signUpload({ filename: "a.txt", maxBytes: 10, expiresInSeconds }),
    ]);
    const [answer, sent, posted] = await Promise.all([fetch(url), put(upload, TEXT), post(form, TEXT)]);
    expect([answer.status, await answer.text(), sent.status, posted.status]).toEqual([200, TEXT.toString(), 200, 204]);
    const disposition = answer.headers.get("content-disposition");
    expect(disposition).toMatch(/^attachment; filename="Gr__e 1\.txt"; filename\*=UTF-8''Gr%C3%BC/);
    await sleep((expiresInSeconds + 1) * 1000);
    const late = await Promise.all([fetch(url), put(upload, TEXT), post(form, TEXT)]);
    expect(late.map(({ status }) => status)).toEqual([403, 403, 403]);
  });

  test("a URL that was changed is refused", async () => {
    const [object, other] = await Promise.all([clouds.uploads.insert(TEXT), clouds.uploads.insert(TEXT)]);
    const url = await clouds.url(object);
    const changed: [string, (url: URL) => void][] = [
      ["path", (it) => void Object.assign(it, { pathname: it.pathname.replace(object.path, other.path) })],
      ["expiry", (it) => it.searchParams.set("X-Amz-Expires", "6000")],
      ["signature", (it) => it.searchParams.set("X-Amz-Signature", "0".repeat(64))],
      ["answer", (it) => it.searchParams.set("response-content-type", "text/html")],
    ];
    for (const [what, change] of changed) {
      const it = new URL(url);
      change(it);
      expect(it.href).not.toBe(url);
      expect([what, (await fetch(it)).status]).toEqual([what, 403]);
    }
    expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
    expect((await fetch(url)).status).toBe(200);
  });

  test("a signed PUT takes its type and length, and no other", async () => {
    const options = { filename: "a.png", contentType: "image/png", sizeBytes: 10, metadata: { by: "ada" } };
    const upload = await clouds.uploads.signUpload(options);
    expect(upload.headers).toEqual({ "content-type": "image/png", "content-length": "10" });
    expect((await put({ ...upload, headers: { "content-type": "text/html" } }, TEXT)).status).toBe(403);
    expect((await put(upload, Buffer.alloc(11))).status).toBe(403);
    expect((await put(upload, Buffer.alloc(9))).status).toBe(403);
    await expect(clouds.confirm(upload.ticket)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await put(upload, TEXT)).status).toBe(200);
    const object = await clouds.confirm(upload.ticket, { digest: "read" });
    expect(object).toMatchObject({ size: 10, contentType: "image/png", digest: digestOf(TEXT), metadata: { by: "ada" } });
    const info = await (await clouds.uploads.backend()).stat(object.path);
    expect(info).toMatchObject({ contentType: "image/png", metadata: { by: "ada" } });
  });

  test("a signed POST takes what its policy says, and nothing else", async () => {
    const upload = await clouds.uploads.signUpload({ filename: "a.png", contentType: "image/png", minBytes: 3, maxBytes: 10 });
    const { fields = {} } = upload;
    const wrong: [string, Record<string, string>, Buffer, number][] = [
      ["key", { ...fields, key: "in/elsewhere" }, TEXT, 403],
      ["type", { ...fields, "Content-Type": "text/html" }, TEXT, 403],
      ["signature", { ...fields, "X-Amz-Signature": "0".repeat(64) }, TEXT, 403],
      ["long", fields, Buffer.alloc(11), 400],
      ["short", fields, Buffer.alloc(2), 400],
    ];
    for (const [what, given, body, status] of wrong)
      expect([what, (await post({ ...upload, fields: given }, body)).status]).toEqual([what, status]);
    await expect(clouds.confirm(upload.ticket)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await post(upload, TEXT)).status).toBe(204);
    expect(await clouds.confirm(upload.ticket)).toMatchObject({ size: 10, contentType: "image/png" });
  });

  test("a range of lengths goes by POST, and a PUT says so", async () => {
    await expect(clouds.uploads.signUpload({ filename: "a", method: "PUT", maxBytes: 10 })).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringMatching(/can only fix the length/),
    });
  });

  describe("two tenants with users and buckets of their own", () => {
    let users: readonly [MinioUser, MinioUser];
    beforeAll(async () => {
      users = [
        await makeUser(current(), `user-${randomUUID()}`, own[0]),
        await makeUser(current(), `user-${randomUUID()}`, own[1]),
      ];
    });

    test("never use each other's credentials in 1,000 interleaved requests", async () => {
      // Who uses the other one's user is refused by the server: each may only enter its own bucket.
      const trespass = storeOf(current(), own[1], users[0]);
      await expect(trespass.write("a", "x")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
      await trespass.close();

      const scopes = users.map((user, index) =>
        clouds.scoped({ uploads: storeOf(current(), own[index] as string, user) }, { facts: { tenant: `tenant-${index}` } }),
      );
      let under = 0;
      let most = 0;
      const handle = async (index: number): Promise<void> => {
        const which = index % 2;
        await scopes[which]?.run(async () => {
          under += 1;
          most = Math.max(most, under);
          await turn();
          const object = await clouds.insert(Buffer.from(`${which}`), { filename: `${which}.txt` });
          expect((await clouds.load(object)).data).toEqual({ to: "memory", bytes: Buffer.from(`${which}`) });
          expect(new URL(await clouds.url(object)).searchParams.get("X-Amz-Credential")).toContain(users[which]?.accessKeyId);
          under -= 1;
        });
      };
      // Each makes two requests of the server: it stores and it reads.
      const waiting = Array.from({ length: 500 }, (_, index) => index);
      const worker = async (): Promise<void> => {
        for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) await handle(index);
      };
      await Promise.all(Array.from({ length: 20 }, worker));
      expect(most).toBe(20);
      for (const [index, name] of own.entries()) {
        const store = storeOf(current(), name);
        const found = await Array.fromAsync(store.list());
        expect(found).toHaveLength(250);
        expect(found.every(({ path }) => path.startsWith("in/") && path.endsWith(`/${index}.txt`))).toBe(true);
        await store.close();
      }
      await Promise.all(scopes.map((scope) => scope.close()));
    }, 120_000);

    test("an object of one is not found by the other", async () => {
      const [one, two] = users.map((user, index) => clouds.scoped({ uploads: storeOf(current(), own[index] as string, user) }));
      const object = await one?.insert(TEXT);
      await expect(two?.load(object as StoredObject)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await one?.load(object as StoredObject);
    });
  });

  test("a bucket of the same name at another provider or in another region is another store", async () => {
    const here = storeOf(current(), "same-name");
    const others = [
      s3({ bucket: "same-name", region: "us-east-1" }),
      s3({ bucket: "same-name", region: "eu-west-1" }),
      s3({ bucket: "same-name", provider: "r2", accountId: "a", accessKeyId: "k", secretAccessKey: "s" }),
    ];
    const all = [here, ...others];
    for (const [index, store] of all.entries())
      expect(all.map((other) => isSameStore(store, other))).toEqual(all.map((_, other) => other === index));
    await Promise.all(all.map((store) => store.close()));
  });

  test("a copy between buckets of one server is whole, and says where it is", async () => {
    await using both = defineClouds(
      { from: storeOf(current(), own[0]), to: { backend: storeOf(current(), own[1]), prefix: "copies", region: "us-east-1" } },
      { env: {} },
    );
    const bytes = randomBytes(3_000_000);
    const source = await both.from.insert(bytes, { filename: "a.bin", metadata: { k: "v" } });
    const copied = await both.copyObject(source, "to");
    expect(copied).toMatchObject({
      cloud: "to",
      region: "us-east-1",
      digest: digestOf(bytes),
      path: expect.stringMatching(/^copies\//),
    });
    for (const object of [source, copied]) expect((await both.load(object)).size).toBe(bytes.byteLength);
    const moved = await both.move(source, { to: "to" });
    expect((await both.load(moved)).id).toBe(source.id);
    await expect(both.read(source)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

function storeOf(server: RunningServer, bucket: string, user: Partial<MinioUser> = {}) {
  const { url, credentials, region } = server;
  return s3({ bucket, endpoint: url, region, ...credentials, ...user, provider: "minio" });
}

async function makeBucket(server: RunningServer, bucket: string): Promise<void> {
  const store = storeOf(server, bucket);
  await (await store.driver.client()).send(new CreateBucketCommand({ Bucket: bucket }));
  await store.close();
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** As any HTTP client does: the length is the body's, whatever was signed. */
function put(upload: SignedUpload, body: Uint8Array): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    const headers = { ...upload.headers, "content-length": String(body.byteLength) };
    send(upload.url, { method: "PUT", headers }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0 }));
    })
      .on("error", reject)
      .end(body);
  });
}

function post(upload: SignedUpload, body: Uint8Array): Promise<Response> {
  const form = new FormData();
  for (const [field, value] of Object.entries(upload.fields ?? {})) form.append(field, value);
  form.append("file", new Blob([new Uint8Array(body)]), "x.png");
  return fetch(upload.url, { method: "POST", body: form });
}
