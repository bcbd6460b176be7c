import type { QueueProvider } from "@omni/core/queue";
import { type QueueKitOptions, queueKit } from "@omni/core/testing";
import type { CompositeOptions } from "@omni/queue-composite";
import { describeWithServers } from "@omni/servers";
import { both, type Servers } from "./brokers.ts";

const DROPS = "dedupe: the broker drops a second message of one id and says so";
const ONCE = "dedupe: a consumer with dedupe handles each id once";
const WAITS = "dedupe: a copy that comes while the first is handled waits for it";
const mixed = "NATS drops a second message of one id and Kafka takes it: the queue promises neither";

/** What a composite over brokers that cannot be asked declares. */
const nowhere: Servers = () => ({ url: "127.0.0.1:1" }) as ReturnType<Servers>;

interface Variant {
  readonly options: CompositeOptions;
  readonly known?: QueueKitOptions["known"];
}

function kit({ options, known }: Variant, servers: Servers): void {
  const each = (act: (server: ReturnType<Servers>) => Promise<void>): Promise<unknown> =>
    Promise.all([act(servers("nats")), act(servers("kafka"))]);
  const restart = async (): Promise<void> => void (await each((server) => server.restart()));
  // The machine may be busy: what counts here is what happens, not how soon.
  const make = (): QueueProvider => both(servers, { memberTimeoutMs: 10_000, ...options });
  queueKit(
    "kit",
    make,
    { describe, test, expect },
    {
      features: both(nowhere, options).features,
      // Copies on two brokers are told apart by one object alone: consumers of others need a dedupe store that they share.
      ...(options.subscribe !== "all" && { another: make }),
      ...(known && { known }),
      quietMs: 150,
      timeoutMs: 120_000,
      hooks: {
        restartBroker: async () => {
          await each((server) => server.kill());
          await restart();
        },
        disconnect: async () => {
          await each((server) => server.kill());
          return restart;
        },
        freeze: async () => {
          await each((server) => server.pause());
          return async () => void (await each((server) => server.resume()));
        },
      },
    },
  );
}

const variants: Readonly<Record<string, Variant>> = {
  "Kafka read": { options: { subscribe: ["kafka"] } },
  "NATS read": { options: { subscribe: ["nats"] }, known: { [DROPS]: mixed, [ONCE]: mixed, [WAITS]: mixed } },
  "both read": {
    options: { subscribe: "all", strategy: "all" },
    known: {
      [DROPS]: mixed,
      [ONCE]: "the case counts copies of one broker; here those of the other are suppressed and counted too",
    },
  },
};

for (const [title, variant] of Object.entries(variants)) {
  await describeWithServers(["nats", "kafka"], `NATS and Kafka as one, ${title}`, (servers) => kit(variant, servers), {
    private: true,
  });
}
