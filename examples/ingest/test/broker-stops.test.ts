import { newId } from "@omni/core/queue";
import { killRuns, recordCounts } from "@omni/property";
import { compositeQueue, type Strategy } from "@omni/queue-composite";
import { kafkaQueue } from "@omni/queue-kafka";
import { memoryQueue } from "@omni/queue-memory";
import { natsQueue } from "@omni/queue-nats";
import { describeWithServers, type RunningServer } from "@omni/servers";
import { idsInKafka, idsInNats } from "./raw-clients.ts";
import { running, until } from "./running.ts";
import { type Answered, Traffic } from "./traffic.ts";

type Broker = "nats" | "kafka";
type Servers = (name: Broker) => RunningServer;

/** Stops of the three strategies together: in the full tier more than 20. */
const STOPS_EACH = Math.ceil(killRuns({ push: 3, test: 3 }) / 3);

/** Until everything has to be handled when the traffic is over. */
const SETTLE_MS = 60_000;

const QUICK = { sessionTimeoutMs: 6_000, heartbeatMs: 200, fetchWaitMs: 100, commitEveryMs: 20 } as const;

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
  const deadline = performance.now() + SETTLE_MS;
  const left = await until(
    async () => owed.filter((id) => !handled.has(id)),
    (ids) => ids.length === 0 || performance.now() > deadline,
  );
  expect(left).toEqual([]);
  return held.size;
}

await describeWithServers(
  ["nats", "kafka"],
  "the services while a broker is away",
  (servers: Servers) => {
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
      2 * SETTLE_MS + STOPS_EACH * 60_000,
    );
  },
  { private: true },
);
