import { connect } from "node:net";
import type { BrokerHooks } from "@omni/core/testing";
import { type FaultProxy, faultProxy } from "@omni/fault-proxy";
import type { RunningServer } from "@omni/servers";

/** A server behind a proxy, so that its network can be cut. */
export interface Broker extends AsyncDisposable {
  /** Through the proxy. */
  readonly url: string;
  readonly hooks: { readonly [H in keyof BrokerHooks]-?: NonNullable<BrokerHooks[H]> };
}

export async function brokerOf(server: RunningServer): Promise<Broker> {
  const proxy: FaultProxy = await faultProxy(server.url.replace("nats://", ""), { mode: "tcp" });
  return {
    url: `nats://${proxy.url.replace(/^.*:\/\//, "")}`,
    hooks: {
      async restartBroker() {
        await server.kill();
        await server.restart();
      },
      async disconnect() {
        await proxy.refuse();
        proxy.cut();
        return async () => proxy.accept();
      },
      async freeze() {
        await server.pause();
        // The signal is sent, and may not have been taken yet.
        while (await greets(server.url)) await new Promise((resolve) => setImmediate(resolve));
        return () => server.resume();
      },
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}

/** Whether the server says its first word to a new connection. */
function greets(url: string): Promise<boolean> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const end = (greeted: boolean): void => {
      socket.destroy();
      resolve(greeted);
    };
    socket.setTimeout(100, () => end(false));
    socket.once("data", () => end(true));
    socket.once("error", () => end(false));
  });
}
