import type { QueueProvider } from "@omni/core/queue";
import { queueKit } from "@omni/core/testing";
import { type NatsQueueOptions, natsQueue } from "@omni/queue-nats";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { type Broker, brokerOf } from "./broker.ts";

const framework = { describe, test, expect };

function run(title: string, options: NatsQueueOptions, current: () => RunningServer): void {
  let broker: Broker;
  beforeAll(async () => {
    broker = await brokerOf(current());
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });
  const queueOf = natsQueue as (given: NatsQueueOptions) => QueueProvider;
  const make = (): QueueProvider => queueOf({ url: broker.url, ...options });
  queueKit(title, make, framework, {
    features: queueOf(options).features,
    another: make,
    hooks: {
      restartBroker: () => broker.hooks.restartBroker(),
      disconnect: () => broker.hooks.disconnect(),
      freeze: () => broker.hooks.freeze(),
    },
    quietMs: 100,
  });
}

await describeWithServer("nats", "JetStream", (current) => run("kit", { stream: "KIT", ackDeadlineMs: 2_000 }, current), {
  private: true,
});

await describeWithServer(
  "nats",
  "JetStream with short deadlines, confirmed acknowledgements and a small window",
  (current) =>
    run("kit", { stream: "SHORT", ackDeadlineMs: 4_000, ackMode: "confirmed", maxUnacked: 4, whenDisconnected: "wait" }, current),
  { private: true },
);

await describeWithServer("nats", "NATS without JetStream", (current) => run("kit", { mode: "core" }, current), { private: true });
