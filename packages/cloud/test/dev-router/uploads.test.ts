import { request as send } from "node:http";
import type { SignUploadOptions } from "@omni/cloud";
import { clouds, describeOnServers, flipped, post, put, setAhead, TEXT } from "./router-servers.ts";

describeOnServers("uploads to the router", () => {
  test("an upload that begins after the expiry is refused", async () => {
    const upload = await clouds.local.signUpload({ filename: "a.txt", sizeBytes: 10, expiresInSeconds: 60 });
    const form = await clouds.local.signUpload({ filename: "a.txt", maxBytes: 10, expiresInSeconds: 60 });
    setAhead(60_000);
    expect((await put(upload, TEXT)).status).toBe(403);
    expect((await post(form, TEXT)).status).toBe(403);
    setAhead(0);
    expect((await put(upload, TEXT)).status).toBe(200);
    expect((await post(form, TEXT)).status).toBe(204);
  });

  describe("PUT", () => {
    test("takes what was signed, and confirm takes it in", async () => {
      const upload = await clouds.local.signUpload({
        filename: "photo.png",
        contentType: "image/png",
        sizeBytes: 10,
        metadata: { by: "ada" },
        region: "eu",
      });
      expect(upload).toMatchObject({ method: "PUT", headers: { "content-type": "image/png" }, cloud: "local" });
      await expect(clouds.confirm(upload.ticket)).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect((await put(upload, TEXT)).status).toBe(200);
      const object = await clouds.confirm(upload.ticket, { digest: "read" });
      expect(object).toMatchObject({
        id: upload.id,
        path: upload.path,
        size: 10,
        contentType: "image/png",
        region: "eu",
        metadata: { by: "ada" },
      });
      expect((await clouds.load(object)).digest).toBe(object.digest);
      expect(await (await clouds.local.backend()).stat(object.path)).toMatchObject({ metadata: { by: "ada" } });
    });

    test.each<[string, Partial<SignUploadOptions>, Buffer, Record<string, string>, number]>([
      ["a wrong type", { contentType: "image/png", sizeBytes: 10 }, TEXT, { "content-type": "text/html" }, 403],
      ["too many bytes", { sizeBytes: 9 }, TEXT, {}, 413],
      ["too few bytes", { sizeBytes: 11 }, TEXT, {}, 400],
      ["too many of a range", { method: "PUT", minBytes: 2, maxBytes: 9 }, TEXT, {}, 413],
      ["a body far too long", { sizeBytes: 9 }, Buffer.alloc(3_000_000), {}, 413],
    ])("refuses %s", async (_name, options, body, headers, status) => {
      const upload = await clouds.local.signUpload({ filename: "a.bin", ...options });
      const answer = await fetch(upload.url, {
        method: "PUT",
        body: new Uint8Array(body),
        headers: { ...upload.headers, ...headers },
      });
      expect(answer.status).toBe(status);
      expect(await (await clouds.local.backend()).exists(upload.path)).toBe(false);
    });

    test("counts a body whose length was not said", async () => {
      const upload = await clouds.local.signUpload({ filename: "a.bin", method: "PUT", maxBytes: 5_000 });
      const stream = (chunks: number): ReadableStream =>
        ReadableStream.from(Array.from({ length: chunks }, () => new Uint8Array(1_000)));
      const over = await fetch(upload.url, { method: "PUT", body: stream(6), duplex: "half" } as RequestInit);
      expect(over.status).toBe(413);
      expect(await (await clouds.local.backend()).exists(upload.path)).toBe(false);
      expect((await fetch(upload.url, { method: "PUT", body: stream(5), duplex: "half" } as RequestInit)).status).toBe(200);
      expect((await clouds.confirm(upload.ticket)).size).toBe(5_000);
    });

    test("a body that breaks off publishes nothing", async () => {
      const upload = await clouds.local.signUpload({ filename: "a.bin", method: "PUT", maxBytes: 5_000 });
      async function* breaking() {
        yield new Uint8Array(1_000);
        throw new Error("the browser was closed");
      }
      const body = ReadableStream.from(breaking());
      await expect(fetch(upload.url, { method: "PUT", body, duplex: "half" } as RequestInit)).rejects.toThrow();
      // The next request is answered after the server noticed.
      expect((await put(await clouds.local.signUpload({ filename: "b", sizeBytes: 10 }), TEXT)).status).toBe(200);
      expect(await (await clouds.local.backend()).exists(upload.path)).toBe(false);
    });
  });

  describe("POST", () => {
    test("takes a browser's form within its limits", async () => {
      const upload = await clouds.local.signUpload({ filename: "photo.png", contentType: "image/png", maxBytes: 10 });
      expect(upload).toMatchObject({ method: "POST", fields: { key: upload.path, "Content-Type": "image/png" } });
      expect((await post(upload, TEXT)).status).toBe(204);
      expect(await clouds.confirm(upload.ticket)).toMatchObject({ size: 10, contentType: "image/png" });
    });

    test.each<[string, (fields: Record<string, string>) => void, number]>([
      [
        "another key",
        (fields) => {
          fields.key = "x/y";
        },
        403,
      ],
      [
        "another type",
        (fields) => {
          fields["Content-Type"] = "text/html";
        },
        403,
      ],
      ["no policy", (fields) => void delete fields.policy, 403],
      [
        "a wider policy",
        (fields) => {
          fields.policy = widened(fields.policy ?? "");
        },
        403,
      ],
      [
        "another signature",
        (fields) => {
          fields.signature = flipped(fields.signature ?? "");
        },
        403,
      ],
    ])("refuses %s", async (_name, change, status) => {
      const upload = await clouds.local.signUpload({ filename: "a.png", contentType: "image/png", maxBytes: 10 });
      const fields = { ...upload.fields };
      change(fields);
      expect((await post({ ...upload, fields }, TEXT)).status).toBe(status);
      expect(await (await clouds.local.backend()).exists(upload.path)).toBe(false);
    });

    test("refuses too many bytes, too few, no file, and what is no form", async () => {
      const upload = await clouds.local.signUpload({ filename: "a.bin", minBytes: 3, maxBytes: 10 });
      expect((await post(upload, Buffer.alloc(11))).status).toBe(413);
      expect((await post(upload, Buffer.alloc(2))).status).toBe(400);
      const form = new FormData();
      form.append("key", upload.path);
      expect((await fetch(upload.url, { method: "POST", body: form })).status).toBe(400);
      expect((await fetch(upload.url, { method: "POST", body: "x" })).status).toBe(400);
      expect(await (await clouds.local.backend()).exists(upload.path)).toBe(false);
    });

    test("a form that breaks off publishes nothing", async () => {
      const upload = await clouds.local.signUpload({ filename: "a.bin", maxBytes: 100_000 });
      const parts = Object.entries(upload.fields ?? {}).map(
        ([field, value]) => `--b\r\ncontent-disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`,
      );
      const start = `${parts.join("")}--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nhalf`;
      await new Promise<void>((resolve) => {
        const broken = send(upload.url, {
          method: "POST",
          headers: { "content-type": "multipart/form-data; boundary=b", "content-length": "9999" },
        });
        broken.on("error", () => resolve()).on("close", resolve);
        broken.write(start, () => broken.destroy());
      });
      const whole = Buffer.from(start);
      const ended = await fetch(upload.url, {
        method: "POST",
        headers: { "content-type": "multipart/form-data; boundary=b" },
        body: new Uint8Array(whole),
      });
      expect(ended.ok).toBe(false);
      expect(await (await clouds.local.backend()).exists(upload.path)).toBe(false);
    });
  });

  test("a ticket says what was signed, and nothing else", async () => {
    const upload = await clouds.local.signUpload({ filename: "a.bin", maxBytes: 10 });
    await (await clouds.local.backend()).write(upload.path, Buffer.alloc(11));
    await expect(clouds.confirm(upload.ticket)).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect(await (await clouds.local.backend()).exists(upload.path)).toBe(false);
    const [text = "", signature] = upload.ticket.split(".");
    const forged = JSON.parse(Buffer.from(text, "base64url").toString());
    forged.object.path = "somebody/elses.txt";
    const ticket = `${Buffer.from(JSON.stringify(forged)).toString("base64url")}.${signature}`;
    for (const wrong of [ticket, text, "", "x.y"])
      await expect(clouds.confirm(wrong)).rejects.toThrow(/the ticket is not one of these clouds/);
  });
});

function widened(policy: string): string {
  const grant = JSON.parse(Buffer.from(policy, "base64url").toString());
  return Buffer.from(JSON.stringify(grant.map((value: unknown) => (value === 10 ? 1_000 : value)))).toString("base64url");
}
