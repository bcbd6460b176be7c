import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Clock, OmniError } from "@omni/core";
import type { ISocketFactory } from "kafkajs";

/**
 * The sockets of one client object. After `cut` there are none and there can be none: kafkajs connects anew after it was told to disconnect, and
 * waits for answers that never come (https://github.com/tulios/kafkajs/issues/852).
 */
export class Sockets {
  readonly #open = new Set<Socket>();
  readonly #background: boolean;
  #cut = false;

  /** @param background whether they leave the process free to end */
  constructor(background: boolean) {
    this.#background = background;
  }

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#cut) throw new Error("the client was disconnected");
    // An address is no name to ask for (RFC 6066, section 3).
    const named = isIP(host) === 0 ? { servername: host } : {};
    const socket: Socket = ssl ? connectTls({ host, port, ...named, ...ssl }, onConnect) : connectTcp({ host, port }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.once("close", () => this.#open.delete(socket));
    if (this.#background) socket.unref();
    this.#open.add(socket);
    return socket;
  };

  cut(): void {
    this.#cut = true;
    for (const socket of this.#open) socket.destroy();
  }
}

/**
 * The result of a call, or TIMEOUT: some calls of kafkajs never end, and none can be stopped.
 *
 * @param what as the error names it
 */
export function within<T>(ms: number, clock: Clock, what: string, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(new OmniError("TIMEOUT", { reason: `${what} did not end within ${ms} ms` })), ms);
    call.then(resolve, reject).finally(() => clock.clearTimeout(timer));
  });
}
