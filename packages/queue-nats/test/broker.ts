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
        return () => server.resume();
      },
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}
