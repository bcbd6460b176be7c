import { newId } from "@omni/core/queue";
import { killRuns, recordCounts } from "@omni/property";
import { runBrokerStops } from "@omni/queue-chaos";
import { describeWithServer } from "@omni/servers";
import { openQueue, quickRestart } from "./chaos-queue.ts";

const stops = killRuns({ push: 3, test: 1 });

await describeWithServer(
  "kafka",
  "Kafka whose broker is killed and started under load",
  (current) => {
    test(
      `${stops} times: what was acknowledged is handled, what is unknown is said to be`,
      async () => {
        const report = await runBrokerStops({
          stops,
          makeQueue: () => openQueue(current().url),
          stop: () => current().kill(),
          start: () => current().restart(),
          upMs: 3_000,
          publishTimeoutMs: 3_000,
          settleMs: 60_000,
          topic: `stops-${newId()}`,
        });
        const { violations, words, ...counts } = report;
        recordCounts({ brokerStops: report.stops, ...counts, ...words });
        expect(violations).toEqual([]);
        expect(report.stops).toBe(stops);
        expect(report.acked).toBeGreaterThan(stops * 20);
        expect(words.rejected + words.unknown).toBeGreaterThan(0);
      },
      120_000 + stops * 30_000,
    );
  },
  { private: true, configuration: quickRestart },
);
