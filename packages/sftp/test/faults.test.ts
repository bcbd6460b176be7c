import { OmniError } from "@omni/core";
import { type FaultProxy, faultProxy } from "@omni/fault-proxy";
import { describeWithServer } from "@omni/servers";
import type { SftpBackend } from "@omni/sftp";
import { Stores } from "./store.ts";

const OLD = Buffer.alloc(150_000, "o");
const NEW = Buffer.alloc(300_000, "n");

async function* inChunks(body: Buffer): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < body.byteLength; at += 50_000) yield body.subarray(at, at + 50_000);
}

/** What became of a write, in the words of the contract. */
async function outcomeOf(work: Promise<unknown>): Promise<"written" | "not-applied" | "unknown"> {
  try {
    await work;
    return "written";
  } catch (error) {
    if (!OmniError.is(error, "UNAVAILABLE")) throw error;
    expect(error.retryable).toBe(true);
    // Before anything was sent nothing can have changed.
    return error.outcome ?? "not-applied";
  }
}

await describeWithServer("ssh", "a connection that breaks", (current) => {
  const stores = new Stores(current);
  let proxy: FaultProxy;
  let direct: SftpBackend;
  beforeEach(async () => {
    proxy = await faultProxy(`127.0.0.1:${new URL(current().url).port}`, { mode: "tcp" });
    direct = stores.fresh();
  });
  afterEach(async () => {
    await direct.close();
    await proxy.close();
  });

  /** The same store through the proxy, whose port the known_hosts file does not have. */
  const through = (options = {}): SftpBackend =>
    stores.again(direct, { port: proxy.port, connections: 1, knownHostsFile: undefined, verifyHostKey: () => true, ...options });
  const textOf = async (path: string): Promise<Buffer> => Buffer.from(await (await direct.read(path)).bytes());

  it("anywhere in a write leaves the old object or the new one, whole, as the outcome says", async () => {
    const seen = { written: 0, "not-applied": 0, unknown: 0 };
    // The way up is about 3 KB of handshake and the bytes; every place is cut once, streams and whole bodies in turn.
    for (let afterBytes = 500, round = 0; afterBytes < 310_000; afterBytes += 12_300, round++) {
      await direct.write("object", OLD);
      const broken = proxy.once({ kind: "reset", in: "request", afterBytes });
      const store = through();
      const outcome = await outcomeOf(store.write("object", round % 2 === 0 ? inChunks(NEW) : NEW));
      await broken;
      await store.close();
      seen[outcome]++;
      const now = await textOf("object");
      const expected = { written: [NEW], "not-applied": [OLD], unknown: [OLD, NEW] }[outcome];
      expect({ afterBytes, outcome, isWhole: expected.some((bytes) => bytes.equals(now)) }).toMatchObject({ isWhole: true });
    }
    // Bytes at hand are sent again on another connection, a stream cannot be.
    expect(seen.written).toBeGreaterThan(0);
    expect(seen["not-applied"]).toBeGreaterThan(0);
  }, 120_000);

  it("anywhere in the answers is asked about on the next connection: written is written", async () => {
    const seen = { written: 0, "not-applied": 0, unknown: 0 };
    let comeBacks = 0;
    // From the handshake to behind the last answer.
    for (let afterBytes = 600; afterBytes < 4_600; afterBytes += 100) {
      const before = proxy.counts.connections;
      proxy.use(({ index }) => (index === before ? { kind: "reset", in: "response", afterBytes } : undefined));
      const store = through();
      const path = `cut-${afterBytes}/object`;
      const outcome = await outcomeOf(store.write(path, NEW.subarray(0, 1_000), { ifNoneMatch: "*" }));
      await store.close();
      proxy.clear();
      seen[outcome]++;
      if (proxy.counts.connections > before + 1) comeBacks++;
      expect({ afterBytes, outcome, isThere: await direct.exists(path) }).toEqual({
        afterBytes,
        outcome,
        isThere: outcome === "written",
      });
    }
    expect(seen.unknown).toBe(0);
    // Cut before the user was signed in, and after.
    expect(seen["not-applied"]).toBeGreaterThan(0);
    expect(comeBacks).toBeGreaterThan(5);
  }, 120_000);

  it("and no server to come back to: the outcome is unknown, or nothing was done", async () => {
    const seen = new Set<string>();
    for (let afterBytes = 600; afterBytes < 4_600; afterBytes += 200) {
      await direct.write("object", OLD);
      proxy.use(() => ({ kind: "reset", in: "response", afterBytes }));
      const store = through();
      const outcome = await outcomeOf(store.write("object", NEW.subarray(0, 1_000)));
      proxy.clear();
      await store.close();
      seen.add(outcome);
      const { byteLength } = await textOf("object");
      if (outcome !== "unknown")
        expect({ afterBytes, outcome, byteLength }).toMatchObject({ byteLength: outcome === "written" ? 1_000 : OLD.byteLength });
      else expect([1_000, OLD.byteLength]).toContain(byteLength);
    }
    expect(seen).toContain("not-applied");
  }, 120_000);

  it("in a read is an error, never bytes of two versions", async () => {
    await direct.write("object", NEW);
    const store = through();
    const reader = await store.read("object");
    const read = async (): Promise<number> => {
      let bytes = 0;
      for await (const chunk of reader) {
        if (bytes === 0) {
          await direct.write("object", OLD);
          proxy.cut();
        }
        expect(chunk.every((byte) => byte === NEW[0])).toBe(true);
        bytes += chunk.byteLength;
      }
      return bytes;
    };
    // The rest may have been on its way already.
    const outcome = await read().catch((error: unknown) => error);
    if (outcome !== NEW.byteLength) expect(outcome).toMatchObject({ code: "UNAVAILABLE" });
    await store.close();
  });

  it("between two calls is not noticed by the caller", async () => {
    await direct.write("object", OLD);
    const store = through();
    for (let round = 0; round < 3; round++) {
      expect((await store.stat("object")).size).toBe(OLD.byteLength);
      proxy.cut();
      expect(await (await store.read("object")).bytes()).toHaveLength(OLD.byteLength);
      proxy.cut();
      await store.write("other", "x");
      proxy.cut();
      const paths: string[] = [];
      for await (const { path } of store.list()) paths.push(path);
      expect(paths).toEqual(["object", "other"]);
    }
    expect(proxy.counts.connections).toBeGreaterThan(3);
    await store.close();
  });

  it("is found out by silence", async () => {
    await direct.write("object", OLD);
    const store = through({ keepaliveMs: 50 });
    expect(await store.exists("object")).toBe(true);
    proxy.pause();
    const waiting = store.stat("object", { timeoutMs: 60_000 }).then(
      () => "answered",
      (error: unknown) => error,
    );
    // Its repetition waits on the paused proxy, too, until this opens.
    await store.exists("object", { timeoutMs: 1_000 }).catch(() => {});
    proxy.resume();
    expect(await waiting).toBe("answered");
    expect(proxy.counts.connections).toBeGreaterThan(1);
    await store.close();
  });

  it("is never made: refused, with what to do", async () => {
    await proxy.refuse();
    const store = through();
    await expect(store.write("object", "x")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      retryable: true,
      message: expect.stringContaining("nothing listens at the server's address"),
    });
    await proxy.accept();
    await store.write("object", "x");
    await store.close();
  });

  it("is not made in time", async () => {
    proxy.pause();
    const store = through({ connectTimeoutMs: 200 });
    await expect(store.exists("object")).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("within 200 ms"),
    });
    proxy.resume();
    await store.close();
  });

  it("is one of a bounded number, and is shared", async () => {
    const store = through({ connections: 3 });
    await Promise.all(Array.from({ length: 60 }, (_, i) => store.write(`many/${i}`, "x")));
    expect(proxy.counts.connections).toBeLessThanOrEqual(3);
    expect(proxy.counts.connections).toBeGreaterThan(1);
    await store.close();
  });
});

await describeWithServer(
  "ssh",
  "a server that is killed and started again",
  (current) => {
    it("is come back to by the same store, and has what was written", async () => {
      const store = new Stores(current).fresh();
      await store.write("object", OLD);
      await current().kill();
      await expect(store.write("object", NEW)).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
      await current().restart();
      expect(await (await store.read("object")).bytes()).toEqual(new Uint8Array(OLD));
      await store.write("object", NEW);
      expect((await store.stat("object")).size).toBe(NEW.byteLength);
      await store.close();
    }, 60_000);
  },
  { private: true },
);
