import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Clouds, defineClouds, type SignedUpload, type SignUploadOptions } from "@omni/cloud";
import { devPlugin, devRouter } from "@omni/cloud/dev";
import { type Clock, systemClock } from "@omni/core";
import { file } from "@omni/file";
import { memory } from "@omni/memory";
import { freePorts } from "@omni/servers";
import fastify from "fastify";

const SECRET = "a secret of the tests, long enough";
const TEXT = Buffer.from("0123456789");

/** The time of the tests, which goes on as the machine's and may be set forward. */
let ahead = 0;
const clock: Clock = { ...systemClock, now: () => Date.now() + ahead };

let folder: string;
let close: () => Promise<unknown>;
let clouds: Clouds<"local" | "cache" | "closed">;
let base: string;

async function start(listen: () => Promise<{ port: number; close: () => Promise<unknown> }>): Promise<void> {
  const running = await listen();
  base = `http://127.0.0.1:${running.port}`;
  close = running.close;
}

/** The port is known only when the server listens: the definition reads it at its first use. */
function define(port: number): void {
  const baseUrl = `http://127.0.0.1:${port}/files`;
  clouds = defineClouds(
    {
      local: { backend: file({ root: folder }), baseUrl },
      cache: { backend: memory(), baseUrl: `http://127.0.0.1:${port}/more/files/` },
      closed: memory(),
    },
    { env: {}, secret: SECRET, clock },
  );
}

const servers: Record<string, () => Promise<{ port: number; close: () => Promise<unknown> }>> = {
  "a plain Node server": async () => {
    const server: Server = createServer((request, response) => void devRouter(clouds)(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    define(port);
    return {
      port,
      close: () => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      },
    };
  },
  "a Fastify plugin": async () => {
    const [port = 0] = await freePorts(1);
    define(port);
    const app = fastify({ forceCloseConnections: true });
    await app.register(devPlugin, { clouds });
    app.post("/json", async (request) => request.body);
    await app.listen({ port, host: "127.0.0.1" });
    return { port, close: () => app.close() };
  },
};

describe.each(Object.keys(servers))("the router as %s", (name) => {
  beforeAll(async () => {
    ahead = 0;
    folder = mkdtempSync(join(tmpdir(), "omni-cloud-test-"));
    await start(servers[name] as (typeof servers)[string]);
  });
  afterAll(async () => {
    await close();
    await clouds.close();
    rmSync(folder, { recursive: true });
  });
  afterEach(() => {
    ahead = 0;
  });

  describe("GET", () => {
    test("gives the object, its headers, and nothing that could act for the application", async () => {
      const object = await clouds.local.insert(TEXT, { filename: "grüße & co.txt", cacheControl: "max-age=60" });
      const url = await clouds.local.url(object);
      expect(url.startsWith(`${base}/files/local/${object.id}/`)).toBe(true);
      const answer = await fetch(url);
      expect([answer.status, await answer.text()]).toEqual([200, TEXT.toString()]);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        "content-type": "text/plain; charset=utf-8",
        "content-length": "10",
        "cache-control": "max-age=60",
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-security-policy": expect.stringContaining("sandbox"),
      });
      const head = await fetch(url, { method: "HEAD" });
      expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
      const unchanged = await fetch(url, { headers: { "if-none-match": answer.headers.get("etag") ?? "" } });
      expect(unchanged.status).toBe(304);
      const saved = await fetch(await clouds.url(object, { download: true }));
      expect(saved.headers.get("content-disposition")).toBe(
        "attachment; filename=\"gr__e & co.txt\"; filename*=UTF-8''gr%C3%BC%C3%9Fe%20%26%20co.txt",
      );
    });

    test.each([
      ["bytes=2-4", 206, "234", "bytes 2-4/10"],
      ["bytes=8-", 206, "89", "bytes 8-9/10"],
      ["bytes=-3", 206, "789", "bytes 7-9/10"],
      ["bytes=5-500", 206, "56789", "bytes 5-9/10"],
      ["bytes=-500", 206, "0123456789", "bytes 0-9/10"],
      ["bytes=10-", 416, undefined, "bytes */10"],
      ["bytes=-0", 416, undefined, "bytes */10"],
      ["bytes=4-2", 200, "0123456789", null],
      ["bytes=0-1,3-4", 200, "0123456789", null],
      ["lines=1-2", 200, "0123456789", null],
    ])("the range %s", async (range, status, content, header) => {
      const object = await clouds.local.insert(TEXT, { filename: "a.txt" });
      const answer = await fetch(await clouds.url(object), { headers: { range } });
      expect([answer.status, answer.headers.get("content-range")]).toEqual([status, header]);
      if (content !== undefined) expect(await answer.text()).toBe(content);
    });

    test("If-Range with another etag gives the whole", async () => {
      const object = await clouds.local.insert(TEXT, { filename: "a.txt" });
      const answer = await fetch(await clouds.url(object), { headers: { range: "bytes=2-4", "if-range": '"other"' } });
      expect([answer.status, await answer.text()]).toEqual([200, "0123456789"]);
    });

    test("an empty object", async () => {
      const answer = await fetch(await clouds.url(await clouds.local.insert(Buffer.alloc(0))));
      expect([answer.status, await answer.text()]).toEqual([200, ""]);
    });
  });

  test("a URL works before its expiry and not after", async () => {
    const object = await clouds.cache.insert(TEXT, { filename: "a.txt" });
    const url = await clouds.cache.url(object, { expiresInSeconds: 60 });
    expect(new URL(url).pathname).toMatch(/^\/more\/files\/cache\//);
    ahead = 58_000;
    expect((await fetch(url)).status).toBe(200);
    ahead = 60_000;
    const late = await fetch(url);
    expect([late.status, await late.text()]).toEqual([403, "the signature has expired\n"]);
  });

  test("an upload that begins after the expiry is refused", async () => {
    const upload = await clouds.local.signUpload({ filename: "a.txt", sizeBytes: 10, expiresInSeconds: 60 });
    const form = await clouds.local.signUpload({ filename: "a.txt", maxBytes: 10, expiresInSeconds: 60 });
    ahead = 60_000;
    expect((await put(upload, TEXT)).status).toBe(403);
    expect((await post(form, TEXT)).status).toBe(403);
    ahead = 0;
    expect((await put(upload, TEXT)).status).toBe(200);
    expect((await post(form, TEXT)).status).toBe(204);
  });

  describe("a URL that was changed is refused:", () => {
    const changes: [string, (url: URL, other: string) => void][] = [
      [
        "the path",
        (url, other) => {
          url.pathname = `/files/local/${other}`;
        },
      ],
      [
        "the path, from outside",
        (url) => {
          url.pathname = "/files/local/..%2f..%2fetc/passwd";
        },
      ],
      [
        "the cloud",
        (url) => {
          url.pathname = url.pathname.replace("/files/local/", "/more/files/cache/");
        },
      ],
      ["the expiry", (url) => url.searchParams.set("expires", String(Number(url.searchParams.get("expires")) + 1))],
      ["the method", (url) => url.searchParams.set("method", "DELETE")],
      ["one letter of the signature", (url) => flip(url, "signature")],
      ["the signature, away", (url) => url.searchParams.delete("signature")],
      ["the signature, empty", (url) => url.searchParams.set("signature", "")],
      ["a header that it asks for", (url) => url.searchParams.set("as", "text/html")],
    ];
    test.each(changes)("%s", async (_name, change) => {
      const object = await clouds.local.insert(TEXT, { filename: "a.txt" });
      const other = await clouds.local.insert(TEXT, { filename: "a.txt" });
      const url = new URL(await clouds.url(object));
      change(url, other.path);
      const answer = await fetch(url);
      expect([answer.status, await answer.text()]).toEqual([403, "the signature does not fit this request\n"]);
    });

    test("used with another method", async () => {
      const object = await clouds.local.insert(TEXT, { filename: "a.txt" });
      const url = await clouds.url(object);
      expect((await fetch(url, { method: "PUT", body: "x" })).status).toBe(405);
      expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
      expect((await clouds.load(object)).size).toBe(10);
    });

    test("the type or the length of an upload", async () => {
      const upload = await clouds.local.signUpload({ filename: "a.png", contentType: "image/png", sizeBytes: 10 });
      for (const [parameter, value] of [
        ["type", "text/html"],
        ["max", "11"],
        ["min", "0"],
      ] as const) {
        const url = new URL(upload.url);
        url.searchParams.set(parameter, value);
        expect((await put({ ...upload, url: url.href }, TEXT)).status).toBe(403);
      }
      await expect(clouds.confirm(upload.ticket)).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    test("one of another secret", async () => {
      const others = defineClouds(
        { local: { backend: clouds.local.backend, baseUrl: `${base}/files` } },
        { env: {}, secret: "another secret, long enough" },
      );
      const object = await clouds.local.insert(TEXT, { filename: "a.txt" });
      expect((await fetch(await others.url({ ...object, cloud: "local" }))).status).toBe(403);
    });
  });

  test("no path leaves the folder, also with a good signature", async () => {
    for (const path of ["../secret", "a/../../secret", "/etc/passwd", "a//b", "a\0b", ".omni/x"]) {
      const url = await clouds.local.url({ path, cloud: "local", filename: "x" } as never);
      // As it stands: fetch would resolve the dots.
      const status = await new Promise<number | undefined>((resolve, reject) =>
        send({ host: "127.0.0.1", port: new URL(base).port, path: url.slice(base.length) }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on("error", reject)
          .end(),
      );
      expect([path, status]).toEqual([path, 400]);
    }
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

  test("other paths are not the router's", async () => {
    expect((await fetch(`${base}/elsewhere`)).status).toBe(404);
    expect((await fetch(`${base}/files/other/x`)).status).toBe(404);
    if (name !== "a Fastify plugin") return;
    const json = await fetch(`${base}/json`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":1}' });
    expect(await json.json()).toEqual({ a: 1 });
  });
});

test("a store that signs nothing, and has no router, says what to do", async () => {
  await using plain = defineClouds({ local: memory() }, { env: {} });
  const object = await plain.insert(TEXT);
  await expect(plain.url(object)).rejects.toMatchObject({
    code: "NOT_SUPPORTED",
    message: expect.stringMatching(/"local" \(memory\) signs no URLs itself; give the cloud a baseUrl/),
  });
});

test("a URL expires by the machine's own clock", async () => {
  const server = createServer((request, response) => void devRouter(all)(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files`;
  const all = defineClouds({ local: { backend: memory(), baseUrl } }, { env: {} });
  const object = await all.insert(TEXT, { filename: "a.txt" });
  const url = await all.url(object, { expiresInSeconds: 5 });
  expect((await fetch(url)).status).toBe(200);
  await sleep(5_100);
  expect((await fetch(url)).status).toBe(403);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await all.close();
});

describe("pages of another origin", () => {
  const running = async (allowOrigin: string | undefined, work: (all: Clouds<"local">, base: string) => Promise<void>) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files`;
    const all = defineClouds({ local: { backend: memory(), baseUrl: base } }, { env: {}, secret: SECRET });
    const router = devRouter(all, { allowOrigin });
    server.on("request", (request, response) => void router(request, response));
    try {
      await work(all, base);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await all.close();
    }
  };
  const ORIGIN = "http://pages.example";
  const asked = { origin: ORIGIN, "access-control-request-method": "PUT", "access-control-request-headers": "content-type" };

  test("are let in where allowOrigin says so: the question before, the upload, and what refuses it", async () => {
    await running(ORIGIN, async (all) => {
      const upload = await all.signUpload({ filename: "a.png", contentType: "image/png", sizeBytes: 10 });
      const question = await fetch(upload.url, { method: "OPTIONS", headers: asked });
      expect([question.status, await question.text()]).toEqual([204, ""]);
      expect(question.headers.get("access-control-allow-origin")).toBe(ORIGIN);
      expect(question.headers.get("access-control-allow-methods")?.split(", ")).toContain("PUT");
      expect(question.headers.get("access-control-allow-headers")?.split(", ")).toContain("content-type");
      const sent = await put(upload, TEXT);
      expect([sent.status, sent.headers.get("access-control-allow-origin")]).toEqual([200, ORIGIN]);
      expect(sent.headers.get("access-control-expose-headers")?.split(", ")).toContain("etag");
      const refused = await put({ ...upload, url: upload.url.replace("a.png", "b.png") }, TEXT);
      expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([403, ORIGIN]);
    });
  });

  test("are not where it does not, and the question before is no way in", async () => {
    await running(undefined, async (all) => {
      const upload = await all.signUpload({ filename: "a.png", contentType: "image/png", sizeBytes: 10 });
      const question = await fetch(upload.url, { method: "OPTIONS", headers: asked });
      expect(question.status).toBe(405);
      expect(question.headers.get("access-control-allow-origin")).toBeNull();
      const sent = await put(upload, TEXT);
      expect([sent.status, sent.headers.get("access-control-allow-origin")]).toEqual([200, null]);
    });
  });
});

test("in a scope, a URL is of the scope's own store", async () => {
  const baseUrl = "http://127.0.0.1/files";
  await using all = defineClouds({ local: { backend: memory(), baseUrl } }, { env: {}, secret: SECRET });
  const tenant = all.scoped({ local: memory() });
  const object = await tenant.insert(TEXT, { filename: "a.txt" });
  await (await all.local.backend()).write(object.path, "of somebody else");
  const url = await tenant.url(object);
  const server = createServer((request, response) => {
    const handle = () => devRouter(all)(request, response);
    void (request.headers["x-tenant"] ? tenant.run(handle) : handle());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const here = url.replace("127.0.0.1", `127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect((await fetch(here)).status).toBe(403);
  expect(await (await fetch(here, { headers: { "x-tenant": "1" } })).text()).toBe(TEXT.toString());
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function put(upload: SignedUpload, body: Uint8Array): Promise<Response> {
  return fetch(upload.url, { method: "PUT", headers: upload.headers, body: new Uint8Array(body) });
}

function post(upload: SignedUpload, body: Uint8Array): Promise<Response> {
  const form = new FormData();
  for (const [field, value] of Object.entries(upload.fields ?? {})) form.append(field, value);
  form.append("file", new Blob([new Uint8Array(body)], { type: "image/png" }), "x.png");
  return fetch(upload.url, { method: "POST", body: form });
}

function flip(url: URL, parameter: string): void {
  url.searchParams.set(parameter, flipped(url.searchParams.get(parameter) ?? ""));
}

function widened(policy: string): string {
  const grant = JSON.parse(Buffer.from(policy, "base64url").toString());
  return Buffer.from(JSON.stringify(grant.map((value: unknown) => (value === 10 ? 1_000 : value)))).toString("base64url");
}

function flipped(text: string): string {
  return (text.startsWith("A") ? "B" : "A") + text.slice(1);
}
