import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the double got it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer of the double; `hang`: none. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string | Uint8Array;
  readonly hang?: boolean;
  readonly reset?: boolean;
}

/** A store that answers as a test says, for what no server at hand does. */
export class StoreDouble implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(answer: (request: Seen, index: number) => Reply): Promise<StoreDouble> {
    const server = createServer((incoming, outgoing) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => void parts.push(part));
      incoming.on("error", () => outgoing.destroy());
      incoming.on("end", () => {
        const url = new URL(incoming.url ?? "/", "http://double");
        const seen = {
          method: incoming.method ?? "",
          path: decodeURIComponent(url.pathname),
          query: url.searchParams,
          headers: incoming.headers,
          body: Buffer.concat(parts),
        };
        double.seen.push(seen);
        const { status = 200, headers = {}, body = "", hang, reset } = answer(seen, double.seen.length - 1);
        if (hang) return;
        if (reset) {
          incoming.socket.resetAndDestroy();
          return;
        }
        const text = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
        outgoing.writeHead(status, { "content-length": Buffer.byteLength(text), ...headers }).end(text);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const double = new StoreDouble(server);
    return double;
  }

  /** What was asked, in short. */
  get log(): readonly string[] {
    return this.seen.map(({ method, path }) => `${method} ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

/** An error of the store. */
export function refusal(status: number, reason: string, message = "No."): Reply {
  return { status, body: { error: { code: status, message, errors: [{ domain: "global", reason, message }] } } };
}

/** An object of the store. */
export function resource(name: string, more: object = {}): object {
  const timeCreated = "2026-01-02T03:04:05.678Z";
  return { name, generation: "100", metageneration: "1", size: "5", timeCreated, contentType: "text/plain", ...more };
}
