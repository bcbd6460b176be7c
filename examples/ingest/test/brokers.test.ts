import { newId } from "@omni/core/queue";
import { killRuns, recordCounts } from "@omni/property";
import { compositeQueue, type Strategy } from "@omni/queue-composite";
import { kafkaQueue } from "@omni/queue-kafka";
import { memoryQueue } from "@omni/queue-memory";
import { natsQueue } from "@omni/queue-nats";
import { describeWithServers, type RunningServer } from "@omni/servers";
import type { AllServices } from "../src/all.ts";
import * as ingest from "../src/ingest.ts";
import { idsInKafka, idsInNats } from "./raw-clients.ts";
import { Bell, post, recorder, running, until } from "./running.ts";
import { type Answered, Traffic } from "./traffic.ts";

type Broker = "nats" | "kafka";
type Servers = (name: Broker) => RunningServer;

/** Stops of the three strategies together: in the full tier more than 20. */
const STOPS_EACH = Math.ceil(killRuns({ push: 3, test: 3 }) / 3);

const QUICK = { sessionTimeoutMs: 6_000, heartbeatMs: 200, fetchWaitMs: 100, commitEveryMs: 20 } as const;

function envOf(servers: Servers, topic: string, strategy?: Strategy): Record<string, string> {
  return {
    QUEUE_TYPE: "composite",
    QUEUE_TOPIC: topic,
    COMPOSITE_PROVIDERS: "nats, kafka",
    NATS_URL: servers("nats").url,
    KAFKA_BROKERS: servers("kafka").url,
    ...(strategy && { COMPOSITE_STRATEGY: strategy }),
  };
}

/** The brokers as one, with a third member under quorum; a broker that is back is tried soon. */
function queueOf(servers: Servers, strategy: Strategy, topic: string): ReturnType<typeof compositeQueue> {
  const members = [
    natsQueue({ url: servers("nats").url, ackDeadlineMs: 2_000, maxReconnectDelayMs: 200 }),
    kafkaQueue({ brokers: servers("kafka").url, ...QUICK }),
    ...(strategy === "quorum" ? [memoryQueue({ capacity: 100_000 })] : []),
  ];
  return compositeQueue(members, {
    strategy,
    topic,
    subscribe: "all",
    breaker: { failures: 5, openMs: 500 },
    memberTimeoutMs: 4_000,
  });
}

const stateOf = (answer: Answered, broker: Broker): string | undefined =>
  answer.outcomes.find(({ member }) => member === broker)?.state;

const failedOn = (answer: Answered): readonly string[] =>
  answer.outcomes
    .filter(({ state, reason }) => state !== "acked" && state !== "duplicate" && reason !== undefined)
    .map(({ member }) => member);

/** Stops a broker under traffic, sees what the clients are told, and starts it again. */
async function stopAndStart(traffic: Traffic, server: RunningServer, broker: Broker, strategy: Strategy): Promise<void> {
  await traffic.several(20, ({ status }) => status === 202);
  await server.kill();
  const isFailFast = strategy === "fail-fast";
  const told = isFailFast ? 503 : 202;
  await traffic.several(10, (answer) => answer.status === told && stateOf(answer, broker) !== "acked");
  await server.restart();
  await traffic.several(5, ({ status }) => status === 202);
  await traffic.next((answer) => stateOf(answer, broker) === "acked");
}

/** Waits until everything that was accepted, or lies on a broker, has been handled. @returns what lies on the brokers */
async function allHandled(
  servers: Servers,
  topic: string,
  accepted: ReadonlySet<string>,
  handled: ReadonlySet<string>,
): Promise<number> {
  const held = new Set([...(await idsInNats(servers("nats"), topic)), ...(await idsInKafka(servers("kafka"), topic))]);
  const owed = [...new Set([...accepted, ...held])];
  await until(
    async () => owed.filter((id) => !handled.has(id)),
    (left) => left.length === 0,
  );
  return held.size;
}

await describeWithServers(
  ["nats", "kafka"],
  "the services on NATS and Kafka",
  (servers: Servers) => {
    test("both adapters are created, numbers rise for both, and the message lies on both", async () => {
      const topic = `both-${newId()}`;
      const { lines, logger } = recorder();
      const bell = new Bell();
      const services = await running({ env: envOf(servers, topic), logger, handler: (message) => bell.ring(message.id) });
      const created = lines.filter(({ msg }) => msg === "adapter created").map(({ provider, member }) => [provider, member]);
      expect(created).toEqual([
        ["nats", "nats"],
        ["kafka", "kafka"],
      ]);
      const before = await publishedOf(services);
      const { status, body } = await post(services.gateway, "/api/v1/ingest", { source: "test", data: "dual-write test" });
      expect([status, body.outcomes?.map(({ member, state }) => [member, state])]).toEqual([
        202,
        [
          ["nats", "acked"],
          ["kafka", "acked"],
        ],
      ]);
      const after = await publishedOf(services);
      expect([after.nats - before.nats, after.kafka - before.kafka]).toEqual([1, 1]);
      expect(await idsInNats(servers("nats"), topic)).toEqual([body.messageId]);
      expect(await idsInKafka(servers("kafka"), topic)).toEqual([body.messageId]);
      expect(await bell.times(1)).toEqual([body.messageId]);
      // The copy is waited for, and not handled.
      await until(
        () => services.queue.stats(),
        ({ total }) => total?.suppressed === 1,
      );
      expect(bell.rung).toHaveLength(1);
    }, 120_000);

    test("a broker that is down at the start is waited for by those that need it, and joins the others when it comes", async () => {
      const topic = `later-${newId()}`;
      await servers("kafka").kill();
      const needs = ingest.start({ port: 0, env: envOf(servers, topic, "fail-fast"), readyTimeoutMs: 500 });
      await expect(needs).rejects.toThrow(/kafka/);
      const bell = new Bell();
      const services = await running({ env: envOf(servers, topic, "best-effort"), handler: (message) => bell.ring(message.id) });
      const ready = (await services.ingest.app.inject("/ready")).json() as {
        status: string;
        queue: { members: Record<string, { status: string }> };
      };
      expect([ready.status, ready.queue.members.nats?.status, ready.queue.members.kafka?.status]).toEqual([
        "degraded",
        "up",
        "down",
      ]);
      const first = await post(services.gateway, "/api/v1/ingest", { source: "test", data: "without" });
      expect([first.status, first.body.outcomes?.map(({ state }) => state)]).toEqual([202, ["acked", "rejected"]]);
      await servers("kafka").restart();
      const later = await until(
        () => post(services.gateway, "/api/v1/ingest", { source: "test", data: "with" }),
        ({ body }) => body.outcomes?.every(({ state }) => state === "acked") === true,
      );
      await until(
        async () => bell.rung,
        (rung) => [first, later].every(({ body }) => rung.includes(body.messageId as string)),
      );
      expect(await idsInKafka(servers("kafka"), topic)).toContain(later.body.messageId);
      await until(
        async () => (await services.gateway.app.inject("/api/v1/status")).json() as { status: string },
        ({ status }) => status === "up",
      );
    }, 180_000);

    test.each<[Strategy, Broker]>([
      ["fail-fast", "nats"],
      ["best-effort", "kafka"],
      ["quorum", "nats"],
    ])(
      `under %s each broker is stopped and started under traffic, ${STOPS_EACH} times in all, and nothing is lost`,
      async (strategy, first) => {
        const topic = `stops-${strategy}-${newId()}`;
        const handled = new Set<string>();
        const queue = queueOf(servers, strategy, topic);
        const services = await running({ queue, concurrency: 16, handler: ({ id }) => handled.add(id) });
        const traffic = new Traffic(services.gateway.url);
        const second = first === "nats" ? "kafka" : "nats";
        for (let stop = 0; stop < STOPS_EACH; stop++) {
          const broker = stop % 2 === 0 ? first : second;
          await stopAndStart(traffic, servers(broker), broker, strategy);
        }
        await traffic.stop();
        const accepted = new Set(traffic.answers.filter(({ status }) => status === 202).map(({ messageId }) => messageId));
        const refused = traffic.answers.filter(({ status }) => status !== 202);
        const held = await allHandled(servers, topic, accepted, handled);
        recordCounts({
          brokerStops: STOPS_EACH,
          [`${strategy} accepted`]: accepted.size,
          [`${strategy} refused`]: refused.length,
          held,
        });
        if (strategy === "fail-fast") {
          expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
          const stopped: readonly string[] = STOPS_EACH > 1 ? ["nats", "kafka"] : [first];
          for (const answer of refused) {
            const [failed = ""] = failedOn(answer);
            expect(stopped).toContain(failed);
            expect(answer.detail).toContain(failed);
          }
        } else expect(refused).toEqual([]);
        await services.close({ drainMs: 10_000 });
        await queue.close({ drainMs: 5_000 });
      },
      60_000 + STOPS_EACH * 60_000,
    );
  },
  { private: true },
);

async function publishedOf(services: AllServices): Promise<Readonly<Record<Broker, number>>> {
  const { queue } = (await services.ingest.app.inject("/stats")).json() as {
    queue: { byMember: Record<Broker, { published: number }> };
  };
  return { nats: queue.byMember.nats.published, kafka: queue.byMember.kafka.published };
}
