import { OmniError } from "@omni/core";
import { newId, type QueueProvider } from "@omni/core/queue";
import { killRuns, recordCounts } from "@omni/property";
import { runBrokerStops } from "@omni/queue-chaos";
import { natsQueue } from "@omni/queue-nats";
import { describeWithServer, type RunningServer, server } from "@omni/servers";
import { connect } from "nats";
import { clusterConfigurations } from "./cluster.ts";

const stops = killRuns({ push: 6, test: 3 });
const [configuration = "", ...others] = await clusterConfigurations(3);

await describeWithServer(
  "nats",
  "a cluster of three, of which one is killed under load",
  (current) => {
    const servers: RunningServer[] = [];
    const urls = (): readonly string[] => servers.map(({ url }) => url);
    const open = (): QueueProvider =>
      natsQueue({ url: urls(), stream: "THREE", replicas: 3, ackDeadlineMs: 1_500, maxReconnectDelayMs: 500 });

    beforeAll(async () => {
      servers.push(current());
      servers.push(...(await Promise.all(others.map((one) => server("nats", { private: true, configuration: one })))));
      await untilReady(open);
    }, 60_000);
    afterAll(async () => {
      await Promise.all(servers.slice(1).map((one) => one.stop()));
    }, 30_000);

    test(
      `${stops} times, each server in turn: the other two go on, and nothing acknowledged is lost`,
      async () => {
        let turn = 0;
        let served = 0;
        const outside = open();
        const report = await runBrokerStops({
          stops,
          makeQueue: open,
          stop: () => at(servers, turn).kill(),
          async start() {
            await publishInTheEnd(outside, `meanwhile-${turn}`);
            served += 1;
            await at(servers, turn).restart();
            turn += 1;
            await untilThreeCopies(urls());
          },
          topic: `stops-${newId()}`,
        });
        await outside.close();
        const { violations, words, ...counts } = report;
        recordCounts({ serverStops: report.stops, publishedWithTwoOfThree: served, ...counts, ...words });
        expect(violations).toEqual([]);
        expect([report.stops, served]).toEqual([stops, stops]);
        expect(report.acked).toBeGreaterThan(stops * 20);
      },
      120_000 + stops * 30_000,
    );
  },
  { private: true, configuration },
);

function at(servers: readonly RunningServer[], turn: number): RunningServer {
  return servers[turn % servers.length] as RunningServer;
}

/** The servers have to find each other and choose a leader before anything can be made. */
async function untilReady(open: () => QueueProvider): Promise<void> {
  for (;;) {
    const queue = open();
    try {
      await queue.ready();
      return;
    } catch (error) {
      if (!(OmniError.is(error) && error.retryable)) throw error;
    } finally {
      await queue.close();
    }
  }
}

/** With one server down a majority is left: what is published in that time is taken, in the end. */
async function publishInTheEnd(queue: QueueProvider, id: string): Promise<void> {
  for (;;) {
    try {
      await queue.publish({ topic: "meanwhile", id, data: id }, { timeoutMs: 2_000 });
      return;
    } catch (error) {
      if (!(OmniError.is(error) && error.retryable)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Until the server that came back holds everything again: killed before that, the next one would leave less than a majority. */
async function untilThreeCopies(urls: readonly string[]): Promise<void> {
  const connection = await connect({ servers: [...urls] });
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false });
    for (;;) {
      // Asked during an election nobody answers.
      const cluster = await manager.streams.info("THREE").then(
        (info) => info.cluster,
        () => undefined,
      );
      const replicas = cluster?.replicas ?? [];
      if (cluster?.leader && replicas.length === 2 && replicas.every(({ current, offline }) => current && !offline)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await connection.close();
  }
}
