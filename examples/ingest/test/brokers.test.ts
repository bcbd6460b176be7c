import { newId } from "@omni/core/queue";
import type { Strategy } from "@omni/queue-composite";
import { describeWithServers, type RunningServer } from "@omni/servers";
import type { AllServices } from "../src/all.ts";
import * as ingest from "../src/ingest.ts";
import { Desk, scripts, steps } from "./by-hand.ts";
import { idsInKafka, idsInNats } from "./raw-clients.ts";
import { Bell, post, recorder, running, until } from "./running.ts";

type Broker = "nats" | "kafka";
type Servers = (name: Broker) => RunningServer;

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

    test("by hand, as the guide says: three processes, a message, the log, the numbers, a broker that is stopped", async () => {
      const [, start, send, log, stats, , , stop, sendWithout] = steps();
      expect(start).toBe("npm run ingest -- nats,kafka > ingest.log");
      expect(stop).toBe("npm run servers -- down nats");
      expect(
        steps()
          .flatMap((step) => /^npm run (\S+)/.exec(step)?.[1] ?? [])
          .filter((name) => scripts()[name] === undefined),
      ).toEqual([]);
      const where = {
        OMNI_NATS_URL: servers("nats").url,
        OMNI_KAFKA_BROKERS: servers("kafka").url,
        QUEUE_TOPIC: `hand-${newId()}`,
      };
      const desk = await Desk.at(where);
      try {
        const launched = await desk.launch();
        const answer = JSON.parse(await desk.run(send as string));
        expect(answer).toMatchObject({
          status: "accepted",
          outcomes: [
            { member: "nats", state: "acked" },
            { member: "kafka", state: "acked" },
          ],
        });
        const created = (await desk.run(log as string))
          .trim()
          .split("\n")
          .map((line) => `${JSON.parse(line).service} ${JSON.parse(line).member}`);
        expect(created.toSorted()).toEqual(["ingest kafka", "ingest nats", "processor kafka", "processor nats"]);
        const { byMember } = JSON.parse(await desk.run(stats as string)).queue;
        expect([byMember.nats.published, byMember.kafka.published]).toEqual([1, 1]);
        await servers("nats").kill();
        expect(JSON.parse(await desk.run(sendWithout as string))).toMatchObject({
          status: 503,
          detail: expect.stringContaining("nats"),
          messageId: expect.any(String),
        });
        expect(await launched.interrupt()).toBe(0);
        const goesOn = await desk.launch({ COMPOSITE_STRATEGY: "best-effort" });
        expect(JSON.parse(await desk.run(sendWithout as string))).toMatchObject({
          status: "accepted",
          outcomes: [{ state: "rejected" }, { state: "acked" }],
        });
        expect(await goesOn.interrupt()).toBe(0);
      } finally {
        desk.close();
        await servers("nats").restart();
      }
    }, 300_000);
  },
  { private: true },
);

async function publishedOf(services: AllServices): Promise<Readonly<Record<Broker, number>>> {
  const { queue } = (await services.ingest.app.inject("/stats")).json() as {
    queue: { byMember: Record<Broker, { published: number }> };
  };
  return { nats: queue.byMember.nats.published, kafka: queue.byMember.kafka.published };
}
