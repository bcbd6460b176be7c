/** The proxy: listens on loopback before a target, asks its rules for a fault, counts. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { serveHttp } from "./exchange.ts";
import { checkFault, type Fault } from "./faults.ts";
import type { Head } from "./framing.ts";
import { Cut, disturbed, Gate, hangUp, send, wait } from "./wire.ts";

/** What a rule decides about: a request in HTTP mode, a connection in TCP mode (then without the HTTP fields). */
export interface Subject {
  /** Counted from 0 over the life of the proxy. */
  readonly index: number;
  readonly method?: string;
  /** Path and query as sent. */
  readonly path?: string;
  /** Lower-case names. */
  readonly headers?: ReadonlyMap<string, string>;
}

/** The fault for a subject, or undefined to let it pass or leave it to the next rule. */
export type Rule = (subject: Subject) => Fault | undefined;

/** One finished request or connection. */
export interface Exchange extends Subject {
  readonly fault: Fault | undefined;
  /** The target's own status; absent when it gave none, or in TCP mode. */
  readonly status?: number;
}

export interface Counts {
  readonly connections: number;
  /** Requests in HTTP mode, connections in TCP mode. */
  readonly subjects: number;
  readonly faults: Readonly<Partial<Record<Fault["kind"], number>>>;
}

export interface FaultProxyOptions {
  /** @default "http" */
  readonly mode?: "http" | "tcp";
  /** @default a free one */
  readonly port?: number;
  /** Hears of every request (TCP: connection) that has ended. */
  readonly onExchange?: (exchange: Exchange) => void;
}

export interface FaultProxy {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, in TCP mode `127.0.0.1:PORT`. */
  readonly url: string;
  /** Adds a rule; the latest is asked first. Call the answer to take it away. */
  use(rule: Rule): () => void;
  /** One fault for the next subject that matches. Resolves when it has been handed out. */
  once(fault: Fault, matches?: (subject: Subject) => boolean): Promise<Subject>;
  /** Takes all rules away; requests under way keep their fault. */
  clear(): void;
  readonly counts: Counts;
  /** Another target for connections from now on. */
  retarget(target: string): void;
  /** Resets every open connection. */
  cut(): void;
  /** Lets no byte pass until `resume()`; connections are accepted and stay open. */
  pause(): void;
  resume(): void;
  /** Stops listening, so that connecting is refused; open connections go on. `accept()` listens again on the same port. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a proxy on 127.0.0.1.
 *
 * @param target where connections go: `http://127.0.0.1:9000` or `127.0.0.1:9092`
 */
export async function faultProxy(target: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const proxy = new Proxy_(target, options);
  await proxy.accept();
  return proxy;
}

function address(target: string): { readonly host: string; readonly port: number } {
  const url = new URL(target.includes("://") ? target : `tcp://${target}`);
  if (url.protocol === "https:" || !url.port)
    throw new TypeError(`the target "${target}" needs a port and no TLS, as in http://127.0.0.1:9000`);
  return { host: url.hostname, port: Number(url.port) };
}

class Proxy_ implements FaultProxy {
  readonly #mode: "http" | "tcp";
  readonly #onExchange: ((exchange: Exchange) => void) | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #work = new Set<Promise<void>>();
  readonly #faults: Partial<Record<Fault["kind"], number>> = {};
  #target: ReturnType<typeof address>;
  #rules: readonly Rule[] = [];
  #server: Server | undefined;
  #port: number;
  #connections = 0;
  #subjects = 0;
  readonly #gate: Gate = new Gate();

  constructor(target: string, options: FaultProxyOptions) {
    this.#target = address(target);
    this.#mode = options.mode ?? "http";
    this.#port = options.port ?? 0;
    this.#onExchange = options.onExchange;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#mode === "http" ? "http://" : ""}127.0.0.1:${this.#port}`;
  }

  get counts(): Counts {
    return { connections: this.#connections, subjects: this.#subjects, faults: { ...this.#faults } };
  }

  use(rule: Rule): () => void {
    this.#rules = [rule, ...this.#rules];
    return () => {
      this.#rules = this.#rules.filter((other) => other !== rule);
    };
  }

  once(fault: Fault, matches: (subject: Subject) => boolean = () => true): Promise<Subject> {
    checkFault(fault, this.#mode);
    return new Promise((resolve) => {
      const remove = this.use((subject) => {
        if (!matches(subject)) return undefined;
        remove();
        resolve(subject);
        return fault;
      });
    });
  }

  clear(): void {
    this.#rules = [];
  }

  retarget(target: string): void {
    this.#target = address(target);
  }

  cut(): void {
    for (const socket of this.#sockets) hangUp(socket, "reset");
  }

  pause(): void {
    this.#gate.shut();
  }

  resume(): void {
    this.#gate.open();
  }

  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.close(); // resolves its callback only when open connections end too; listening ends at once
  }

  async accept(): Promise<void> {
    if (this.#server) return;
    // A bare connection may be closed in one direction and go on in the other; an HTTP client that closes has hung up.
    const server = createServer({ allowHalfOpen: this.#mode === "tcp" }, (socket) => this.#welcome(socket));
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    const bound = server.address();
    if (typeof bound === "object" && bound) this.#port = bound.port;
  }

  async close(): Promise<void> {
    await this.refuse();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#work);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #welcome(client: Socket): void {
    this.#connections += 1;
    const over = new AbortController();
    this.#adopt(client, over);
    const work = (this.#mode === "http" ? this.#http(client, over) : this.#tcp(client, over)).catch((error: unknown) => {
      client.destroy(error instanceof Error ? error : new Error(String(error)));
    });
    this.#work.add(work);
    void work.finally(() => {
      over.abort();
      this.#work.delete(work);
    });
  }

  #adopt(socket: Socket, over: AbortController): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {}); // faults are the trade of this proxy: whoever reads or writes learns of it there
    socket.once("close", () => {
      this.#sockets.delete(socket);
      over.abort();
    });
  }

  async #connect(over: AbortController): Promise<Socket> {
    const socket = connect({ ...this.#target, allowHalfOpen: this.#mode === "tcp" });
    this.#adopt(socket, over);
    await once(socket, "connect").catch((error: unknown) => {
      throw new Cut("the target cannot be reached", { cause: error });
    });
    return socket;
  }

  #choose(subject: Subject): Fault | undefined {
    this.#subjects += 1;
    for (const rule of this.#rules) {
      const fault = rule(subject);
      if (!fault) continue;
      checkFault(fault, this.#mode);
      this.#faults[fault.kind] = (this.#faults[fault.kind] ?? 0) + 1;
      return fault;
    }
    return undefined;
  }

  #http(client: Socket, over: AbortController): Promise<void> {
    const choose = (head: Head) => {
      const subject: Subject = { index: this.#subjects, method: head.words[0], path: head.words[1], headers: head.headers };
      const fault = this.#choose(subject);
      const settle = (status: number | undefined) =>
        this.#onExchange?.({ ...subject, fault, ...(status === undefined ? {} : { status }) });
      return { fault, settle };
    };
    return serveHttp({ client, gate: this.#gate, connect: () => this.#connect(over), over: over.signal, choose });
  }

  async #tcp(client: Socket, over: AbortController): Promise<void> {
    const subject: Subject = { index: this.#subjects };
    const fault = this.#choose(subject);
    try {
      if (fault?.kind === "latency") await wait(fault.ms, over.signal);
      const target = await this.#connect(over);
      const lanes = { fault, client, over: over.signal };
      const there = pump(disturbed(this.#gate.through(client, over.signal), { ...lanes, direction: "request" }), target);
      const back = pump(disturbed(this.#gate.through(target, over.signal), { ...lanes, direction: "response" }), client);
      await Promise.allSettled([there, back]);
      target.destroy();
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
    } finally {
      hangUp(client, "drop");
      this.#onExchange?.({ ...subject, fault });
    }
  }
}

/** Moves bytes until one side ends, then ends the other. */
async function pump(pieces: AsyncIterable<Buffer>, to: Socket): Promise<void> {
  try {
    for await (const piece of pieces) await send(to, piece);
    to.end();
  } catch (error) {
    to.destroy();
    throw error;
  }
}
