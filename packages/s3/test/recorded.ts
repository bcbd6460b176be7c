import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";

/** An answer as a store gave it. */
export interface Recorded {
  readonly status: number;
  /** Words of the status line. @default those of HTTP */
  readonly words?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request that the double got. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

/** An HTTP double that gives recorded answers, for what no server of ours does at will: throttling, skewed clocks, redirects. */
export class RecordedStore {
  readonly asked: Asked[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param answer decides by the request; undefined = 404 without words */
  static async start(answer: (asked: Asked) => Recorded | undefined): Promise<RecordedStore> {
    const server = createServer((request, response) => {
      const asked = { method: request.method ?? "", url: request.url ?? "", headers: request.headers };
      store.asked.push(asked);
      request.resume().on("end", () => {
        const { status, words = STATUS_CODES[status], headers = {}, body = "" } = answer(asked) ?? { status: 404 };
        response
          .writeHead(status, words, { "content-type": "application/xml", ...headers })
          .end(asked.method === "HEAD" ? undefined : body);
      });
    });
    const store = new RecordedStore(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return store;
  }

  /** Waits until so many requests have come. */
  async reached(count: number): Promise<void> {
    while (this.asked.length < count) await once(this.#server, "request");
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The body of an S3 error. */
export function errorBody(code: string, message: string, more = ""): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message>${more}<RequestId>R</RequestId></Error>`;
}
