import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type Exchange, failAfterCommit, faultProxy, throttled, unavailable } from "../src/index.ts";

/** A store in memory: PUT keeps the body, GET gives it in chunks or with a length, HEAD its length. */
class Store {
  readonly objects = new Map<string, Buffer>();
  readonly seen: string[] = [];
  readonly server: Server = createServer((incoming, answer) => {
    const path = incoming.url!;
    void (async () => {
      const parts: Buffer[] = [];
      try {
        for await (const part of incoming) parts.push(part as Buffer);
      } catch {
        this.seen.push(`torn ${incoming.method} ${path}`);
        return;
      }
      this.seen.push(`${incoming.method} ${path}`);
      if (incoming.method === "PUT") this.objects.set(path, Buffer.concat(parts));
      const body = this.objects.get(path);
      if (!body) return void answer.writeHead(404, { "content-length": 0 }).end();
      if (incoming.method === "PUT") return void answer.writeHead(204).end();
      if (!path.includes("chunked")) answer.setHeader("content-length", body.length);
      answer.end(incoming.method === "HEAD" ? undefined : body);
    })();
  });

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const agents = [agent];

function call(
  url: string,
  method = "GET",
  body?: Buffer,
  headers: Record<string, string> = {},
  via = agent,
  expectsContinue = false,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      headers: expectsContinue ? { ...headers, expect: "100-continue" } : headers,
      agent: via,
    });
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.once("error", reject);
      incoming.once("end", () => resolve({ status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(parts) }));
    });
    if (expectsContinue) outgoing.once("continue", () => outgoing.end(body));
    else outgoing.end(body);
  });
}

/** The time a call takes, and its error if it fails. */
async function outcome(promise: Promise<Reply>): Promise<string> {
  try {
    const reply = await promise;
    return `${reply.status}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

let store: Store;

beforeEach(async () => {
  store = new Store();
  store.server.listen(0, "127.0.0.1");
  await once(store.server, "listening");
});

afterEach(async () => {
  for (const one of agents) one.destroy();
  store.server.closeAllConnections();
  store.server.close();
  await once(store.server, "close");
});

describe("without a fault", () => {
  it("passes lengths, chunks, empty bodies, HEAD and 404 over one connection, byte for byte", async () => {
    await using proxy = await faultProxy(store.url);
    const big = randomBytes(3_000_000);
    expect((await call(`${proxy.url}/a`, "PUT", big)).status).toBe(204);
    expect((await call(`${proxy.url}/chunked`, "PUT", big, { "transfer-encoding": "chunked" })).status).toBe(204);
    expect((await call(`${proxy.url}/empty`, "PUT")).status).toBe(204);
    expect((await call(`${proxy.url}/a`)).body.equals(big)).toBe(true);
    expect((await call(`${proxy.url}/chunked`)).body.equals(big)).toBe(true);
    expect((await call(`${proxy.url}/empty`)).body.length).toBe(0);
    expect((await call(`${proxy.url}/a`, "HEAD")).headers["content-length"]).toBe("3000000");
    expect((await call(`${proxy.url}/none`)).status).toBe(404);
    expect(proxy.counts).toEqual({ connections: 1, subjects: 8, faults: {} });
  });

  it("passes the leave to continue", async () => {
    await using proxy = await faultProxy(store.url);
    const body = randomBytes(100_000);
    expect((await call(`${proxy.url}/a`, "PUT", body, { "content-length": "100000" }, agent, true)).status).toBe(204);
    expect(store.objects.get("/a")!.equals(body)).toBe(true);
  });

  it("tells of every exchange and of the target's answer", async () => {
    const heard: Exchange[] = [];
    await using proxy = await faultProxy(store.url, { onExchange: (exchange) => heard.push(exchange) });
    await call(`${proxy.url}/a?x=1`, "PUT", Buffer.from("1"));
    await call(`${proxy.url}/none`);
    expect(heard.map(({ index, method, path, status }) => ({ index, method, path, status }))).toEqual([
      { index: 0, method: "PUT", path: "/a?x=1", status: 204 },
      { index: 1, method: "GET", path: "/none", status: 404 },
    ]);
  });
});

describe("answers of the proxy's own", () => {
  it("503 and 429 do not reach the target, read the body and keep the connection", async () => {
    await using proxy = await faultProxy(store.url);
    void proxy.once(unavailable("<Code>SlowDown</Code>"));
    const busy = await call(`${proxy.url}/a`, "PUT", randomBytes(2_000_000));
    expect([busy.status, busy.body.toString()]).toEqual([503, "<Code>SlowDown</Code>"]);
    void proxy.once(throttled(7));
    const limited = await call(`${proxy.url}/a`, "PUT", randomBytes(10));
    expect([limited.status, limited.headers["retry-after"]]).toEqual([429, "7"]);
    expect(store.seen).toEqual([]);
    expect((await call(`${proxy.url}/a`, "PUT", randomBytes(10))).status).toBe(204);
    expect(proxy.counts).toEqual({ connections: 1, subjects: 3, faults: { answer: 2 } });
  });

  it("500 after the commit: the target has the object", async () => {
    const heard: Exchange[] = [];
    await using proxy = await faultProxy(store.url, { onExchange: (exchange) => heard.push(exchange) });
    void proxy.once(failAfterCommit("late"));
    const reply = await call(`${proxy.url}/a`, "PUT", Buffer.from("kept"));
    expect([reply.status, reply.body.toString()]).toEqual([500, "late"]);
    expect(store.objects.get("/a")!.toString()).toBe("kept");
    expect(heard[0]).toMatchObject({ status: 204, fault: { kind: "after-commit" } });
    expect((await call(`${proxy.url}/a`)).body.toString()).toBe("kept");
  });

  it.each(["reset", "drop"] as const)("%s after the commit", async (then) => {
    await using proxy = await faultProxy(store.url);
    void proxy.once({ kind: "after-commit", then });
    expect(await outcome(call(`${proxy.url}/a`, "PUT", Buffer.from("kept")))).toBe("ECONNRESET");
    expect(store.objects.get("/a")!.toString()).toBe("kept");
  });
});

describe("cuts", () => {
  it("a reset of the request before its first byte never reaches the target", async () => {
    await using proxy = await faultProxy(store.url);
    void proxy.once({ kind: "reset", in: "request" });
    expect(await outcome(call(`${proxy.url}/a`, "PUT", Buffer.from("x")))).toBe("ECONNRESET");
    expect(store.seen).toEqual([]);
  });

  it("a reset within the request leaves the target half a body, which it does not keep", async () => {
    await using proxy = await faultProxy(store.url);
    void proxy.once({ kind: "reset", in: "request", afterBytes: 100_000 });
    expect(["ECONNRESET", "EPIPE"]).toContain(await outcome(call(`${proxy.url}/a`, "PUT", randomBytes(4_000_000))));
    while (store.seen.length === 0) await delay(5);
    expect([store.seen, store.objects.size]).toEqual([["torn PUT /a"], 0]);
  });

  it.each([
    { kind: "reset", afterBytes: 1000 } as const,
    { kind: "drop", afterBytes: 1000 } as const,
    { kind: "truncate", afterBytes: 1000 } as const,
  ])("a response cut by $kind is an error, not a short body, with a length as with chunks", async (fault) => {
    store.objects.set("/a", randomBytes(500_000)).set("/chunked", randomBytes(500_000));
    await using proxy = await faultProxy(store.url);
    for (const path of ["/a", "/chunked"]) {
      void proxy.once(fault);
      expect(await outcome(call(proxy.url + path))).toBe("ECONNRESET");
      expect((await call(proxy.url + path)).body.length).toBe(500_000);
    }
  });

  it("truncate after the whole head delivers the status and so many bytes", async () => {
    store.objects.set("/a", Buffer.alloc(5000, 1));
    await using proxy = await faultProxy(store.url);
    void proxy.once({ kind: "truncate", afterBytes: 1234 });
    const socket = connect(proxy.port, "127.0.0.1");
    socket.write("GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    const all = Buffer.concat(parts);
    expect(all.toString("latin1")).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(all.length - all.indexOf("\r\n\r\n") - 4).toBe(1234);
  });
});

describe("time", () => {
  it("latency comes before the target hears of the request", async () => {
    store.objects.set("/a", Buffer.from("1"));
    await using proxy = await faultProxy(store.url);
    void proxy.once({ kind: "latency", ms: 150 });
    const begun = performance.now();
    const reply = call(`${proxy.url}/a`);
    await delay(60);
    expect(store.seen).toEqual([]);
    expect((await reply).status).toBe(200);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(145);
  });

  it("a stall for ever ends when the client hangs up; the next connection is served", async () => {
    store.objects.set("/a", randomBytes(100_000));
    const heard: Exchange[] = [];
    await using proxy = await faultProxy(store.url, { onExchange: (exchange) => heard.push(exchange) });
    void proxy.once({ kind: "stall", afterBytes: 500 });
    const outgoing = request(`${proxy.url}/a`, { agent: false }).end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    let got = 0;
    incoming.on("data", (part: Buffer) => {
      got += part.length;
    });
    await delay(100);
    expect(got).toBe(500);
    incoming.on("error", () => {}); // the client gives up by itself
    outgoing.destroy();
    while (!heard.some((exchange) => exchange.fault)) await delay(5); // the proxy has noticed
    expect((await call(`${proxy.url}/a`)).body.length).toBe(100_000);
  });

  it("a stall with an end goes on where it stood", async () => {
    const body = randomBytes(100_000);
    store.objects.set("/a", body);
    await using proxy = await faultProxy(store.url);
    void proxy.once({ kind: "stall", afterBytes: 500, ms: 100 });
    expect((await call(`${proxy.url}/a`)).body.equals(body)).toBe(true);
    void proxy.once({ kind: "stall", ms: 50 });
    expect((await call(`${proxy.url}/a`)).body.equals(body)).toBe(true);
    void proxy.once({ kind: "stall", in: "request", afterBytes: 10, ms: 50 });
    expect((await call(`${proxy.url}/b`, "PUT", body)).status).toBe(204);
    expect(store.objects.get("/b")!.equals(body)).toBe(true);
  });

  it.each(["request", "response"] as const)("slow holds the rate in the %s", async (direction) => {
    const body = randomBytes(20_000);
    store.objects.set("/a", body);
    await using proxy = await faultProxy(store.url);
    void proxy.once({ kind: "slow", in: direction, bytesPerSecond: 50_000 });
    const begun = performance.now();
    await (direction === "request" ? call(`${proxy.url}/b`, "PUT", body) : call(`${proxy.url}/a`));
    const ms = performance.now() - begun;
    expect(ms).toBeGreaterThanOrEqual(390);
    expect(ms).toBeLessThan(3000);
  });
});

describe("the plan", () => {
  it("asks the latest rule first, and forgets a rule that was taken away", async () => {
    store.objects.set("/a", Buffer.from("1"));
    await using proxy = await faultProxy(store.url);
    const remove = proxy.use(({ path }) => (path === "/a" ? unavailable("first") : undefined));
    expect((await call(`${proxy.url}/a`)).status).toBe(503);
    proxy.use(({ index }) => (index % 2 === 1 ? throttled(1) : undefined));
    expect((await call(`${proxy.url}/a`)).status).toBe(429);
    expect((await call(`${proxy.url}/a`)).status).toBe(503);
    remove();
    proxy.clear();
    expect((await call(`${proxy.url}/a`)).status).toBe(200);
  });

  it("refuses faults that make no sense", async () => {
    await using proxy = await faultProxy(store.url);
    expect(() => proxy.once({ kind: "latency", ms: Number.NaN })).toThrow(/latency: ms is NaN/);
    expect(() => proxy.once({ kind: "slow", bytesPerSecond: 0 })).toThrow(/above 0/);
    await using bare = await faultProxy(store.url, { mode: "tcp" });
    expect(() => bare.once(unavailable())).toThrow(/needs mode "http"/);
    await expect(faultProxy("https://127.0.0.1:1")).rejects.toThrow(/no TLS/);
  });

  it("survives a target that is not there, and a client that speaks nonsense", async () => {
    await using proxy = await faultProxy("http://127.0.0.1:1");
    expect(await outcome(call(`${proxy.url}/a`))).toBe("ECONNRESET");
    proxy.retarget(store.url);
    const socket = connect(proxy.port, "127.0.0.1");
    socket.end("\u0000nonsense\r\n");
    for await (const _ of socket);
    expect((await call(`${proxy.url}/a`)).status).toBe(404);
  });
});

describe("the connection as a whole", () => {
  it("cut resets what is open, refuse turns new ones away, accept takes them again", async () => {
    store.objects.set("/a", randomBytes(1000));
    await using proxy = await faultProxy(store.url);
    void proxy.once({ kind: "stall" });
    const hanging = outcome(call(`${proxy.url}/a`));
    while (store.seen.length === 0) await delay(5);
    proxy.cut();
    expect(await hanging).toBe("ECONNRESET");
    await proxy.refuse();
    expect(await outcome(call(`${proxy.url}/a`))).toBe("ECONNREFUSED");
    await proxy.accept();
    expect((await call(`${proxy.url}/a`)).status).toBe(200);
  });

  it("pause lets nothing pass until resume", async () => {
    store.objects.set("/a", Buffer.from("1"));
    await using proxy = await faultProxy(store.url);
    proxy.pause();
    const reply = call(`${proxy.url}/a`);
    await delay(80);
    expect(store.seen).toEqual([]);
    proxy.resume();
    expect((await reply).body.toString()).toBe("1");
  });

  it("close ends with requests hanging, and no promise is left", async () => {
    const proxy = await faultProxy(store.url);
    proxy.use(() => ({ kind: "stall" }));
    const one = outcome(call(`${proxy.url}/a`));
    while (store.seen.length === 0) await delay(5);
    await proxy.close();
    expect(await one).toBe("ECONNRESET");
  });
});

describe("bare TCP", () => {
  it("passes bytes, counts connections, cuts after so many bytes of one direction", async () => {
    const echo = createTcpServer((socket) => socket.on("error", () => {}).pipe(socket));
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    await using proxy = await faultProxy(`127.0.0.1:${(echo.address() as AddressInfo).port}`, { mode: "tcp" });
    const speak = async (bytes: number): Promise<number | string> => {
      const socket = connect(proxy.port, "127.0.0.1");
      let got = 0;
      try {
        socket.end(Buffer.alloc(bytes));
        for await (const part of socket) got += (part as Buffer).length;
        return got;
      } catch (error) {
        return `${(error as NodeJS.ErrnoException).code}`;
      }
    };
    for (let round = 0; round < 20; round++) expect(await speak(200_000)).toBe(200_000);
    void proxy.once({ kind: "drop", in: "response", afterBytes: 5000 });
    expect(await speak(20_000)).toBe(5000);
    void proxy.once({ kind: "reset", in: "request", afterBytes: 0 });
    expect(await speak(20_000)).toBe("ECONNRESET");
    expect(proxy.counts).toEqual({ connections: 22, subjects: 22, faults: { drop: 1, reset: 1 } });
    echo.close();
  });
});
