// Counts the bytes that pass through the application: what browsers send to it and get from it, and what it exchanges with stores. Uploads are not among them.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Sockets that this process opens. https://nodejs.org/api/diagnostics_channel.html#net */
const OPENED = "net.client.socket";

export class Traffic {
  readonly #open = new Set<Socket>();
  readonly #opened = (message: unknown): void => this.#count((message as { readonly socket: Socket }).socket);
  #closedBytes = 0;

  constructor(server: Server) {
    server.on("connection", (socket) => this.#count(socket));
    subscribe(OPENED, this.#opened);
  }

  /** Bytes in both directions. */
  get bytes(): number {
    return [...this.#open].reduce((sum, socket) => sum + bytesOf(socket), this.#closedBytes);
  }

  close(): void {
    unsubscribe(OPENED, this.#opened);
  }

  #count(socket: Socket): void {
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#closedBytes += bytesOf(socket);
    });
  }
}

function bytesOf({ bytesRead, bytesWritten }: Socket): number {
  return bytesRead + bytesWritten;
}
