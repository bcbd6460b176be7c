import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { defineClouds } from "@omni/cloud";
import { devRouter } from "@omni/cloud/dev";
import { memory } from "@omni/memory";
import { base, clouds, describeOnServers, SECRET, setAhead, TEXT } from "./router-servers.ts";

describeOnServers("the router", (name) => {
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
    setAhead(58_000);
    expect((await fetch(url)).status).toBe(200);
    setAhead(60_000);
    const late = await fetch(url);
    expect([late.status, await late.text()]).toEqual([403, "the signature has expired\n"]);
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
