import { newId, type QueueProvider } from "@omni/core/queue";
import { killRuns, recordCounts } from "@omni/property";
import { type BrokerStopReport, runBrokerStops } from "@omni/queue-chaos";
import { type CompositeOptions, STRATEGIES } from "@omni/queue-composite";
import { memoryQueue } from "@omni/queue-memory";
import { describeWithServers } from "@omni/servers";
import { both, type Servers, until } from "./brokers.ts";

const stops = killRuns({ push: 1, test: 1 });

/** Makes the queues of one run; under "quorum" they share a third member, which no broker's stop touches. */
function maker(servers: Servers, strategy: NonNullable<CompositeOptions["strategy"]>): () => QueueProvider {
  const third = { name: "memory", provider: memoryQueue({ capacity: 100_000 }) };
  const options = { strategy, subscribe: "all", memberTimeoutMs: 2_000 } as const;
  return () => (strategy === "quorum" ? both(servers, options, third) : both(servers, options));
}

function acked({ acked, duplicate }: BrokerStopReport["words"]): number {
  return acked + duplicate;
}

function rises(what: string, count: () => number, by: number): Promise<void> {
  const wanted = count() + by;
  return until(`${by} more ${what}`, () => count() >= wanted);
}

await describeWithServers(
  ["nats", "kafka"],
  "NATS and Kafka as one, one of them killed and started under load",
  (servers) => {
    for (const [first, strategy] of STRATEGIES.entries()) {
      test(
        `${strategy}, ${stops} times: what one broker acknowledged is handled, with dedupe once`,
        async () => {
          const brokers = [servers("nats"), servers("kafka")];
          // Each strategy begins with the other broker, so that one stop per strategy meets both.
          let turn = first;
          const needsBoth = strategy === "fail-fast" || strategy === "all";
          const report = await runBrokerStops({
            stops,
            makeQueue: maker(servers, strategy),
            stop: async (words) => {
              await rises("acknowledged", () => acked(words), 20);
              await brokers[turn % 2]?.kill();
            },
            start: async (words) => {
              // Without a broker, those that need both refuse, and the others go on.
              if (needsBoth) await rises("refused", () => words.rejected + words.unknown, 5);
              else await rises("acknowledged", () => acked(words), 5);
              await brokers[turn % 2]?.restart();
              turn += 1;
            },
            publishTimeoutMs: 5_000,
            settleMs: 60_000,
            topic: `stops-${newId()}`,
          });
          const { violations, words, ...counts } = report;
          const said = Object.fromEntries(Object.entries(words).map(([word, times]) => [`said ${word}`, times]));
          recordCounts({ brokerStops: report.stops, ...counts, ...said });
          expect(violations).toEqual([]);
          expect(report.stops).toBe(stops);
          expect(report.acked).toBeGreaterThanOrEqual(stops * 20);
          // What two brokers hold is handled once: the copies were kept away.
          if (strategy !== "failover") expect(report.suppressed).toBeGreaterThan(0);
        },
        120_000 + stops * 30_000,
      );
    }
  },
  { private: true },
);
