// The router on both servers that it runs on, with three clouds behind it; what a browser would send.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clouds, defineClouds, type SignedUpload } from "@omni/cloud";
import { devPlugin, devRouter } from "@omni/cloud/dev";
import { type Clock, systemClock } from "@omni/core";
import { file } from "@omni/file";
import { memory } from "@omni/memory";
import { freePorts } from "@omni/servers";
import fastify from "fastify";

export const SECRET = "a secret of the tests, long enough";
export const TEXT: Buffer = Buffer.from("0123456789");

/** The time of the tests, which goes on as the machine's and may be set forward. */
let ahead = 0;
const clock: Clock = { ...systemClock, now: () => Date.now() + ahead };

/** Sets the routers' time forward, until the end of the test. */
export function setAhead(milliseconds: number): void {
  ahead = milliseconds;
}

let folder: string;
let close: () => Promise<unknown>;
/** The clouds of the server under test. */
export let clouds: Clouds<"local" | "cache" | "closed">;
/** Where it answers. */
export let base: string;

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

/** Registers a suite once for each server. */
export function describeOnServers(what: string, suite: (server: string) => void): void {
  describe.each(Object.keys(servers))(`${what}, as %s`, (name) => {
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
    suite(name);
  });
}

export function put(upload: SignedUpload, body: Uint8Array): Promise<Response> {
  return fetch(upload.url, { method: "PUT", headers: upload.headers, body: new Uint8Array(body) });
}

export function post(upload: SignedUpload, body: Uint8Array): Promise<Response> {
  const form = new FormData();
  for (const [field, value] of Object.entries(upload.fields ?? {})) form.append(field, value);
  form.append("file", new Blob([new Uint8Array(body)], { type: "image/png" }), "x.png");
  return fetch(upload.url, { method: "POST", body: form });
}

export function flipped(text: string): string {
  return (text.startsWith("A") ? "B" : "A") + text.slice(1);
}
