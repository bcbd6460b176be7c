import { newId } from "@omni/core/queue";
import { killRuns, recordCounts } from "@omni/property";
import { runConsumerKills } from "@omni/queue-chaos";
import { describeWithServer } from "@omni/servers";
import { openQueue } from "./chaos-queue.ts";

const kills = killRuns({ push: 20, test: 2 });

await describeWithServer(
  "nats",
  "JetStream whose consumer is killed under load",
  (current) => {
    for (const effect of ["beside", "in-transaction"] as const) {
      test(
        `${kills} times, effect ${effect}: nothing is lost, and no duplicate without an interrupted handler`,
        async () => {
          const report = await runConsumerKills({
            kills,
            makeQueue: () => openQueue(current().url),
            module: new URL("./chaos-queue.ts", import.meta.url),
            setting: current().url,
            topic: `kills-${newId()}`,
            effect,
          });
          const { violations, ...counts } = report;
          recordCounts(Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${name} (effect ${effect})`, count])));
          expect(violations).toEqual([]);
          expect(report.kills).toBe(kills);
          expect(report.acked).toBeGreaterThan(kills);
        },
        120_000 + kills * 10_000,
      );
    }
  },
  { private: true },
);
