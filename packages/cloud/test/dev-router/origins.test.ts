import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clouds, defineClouds } from "@omni/cloud";
import { devRouter } from "@omni/cloud/dev";
import { memory } from "@omni/memory";
import { put, SECRET, TEXT } from "./router-servers.ts";

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
