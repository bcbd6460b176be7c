import { once } from "node:events";
import { createServer } from "node:net";
import { MultiError, type OmniError } from "@omni/core";
import { createQueueFromEnv, isPublishFailure, newId, type QueueProvider } from "@omni/core/queue";
import type { CompositeError, CompositeOptions, CompositeOutcome, Strategy } from "@omni/queue-composite";
import { memoryQueue } from "@omni/queue-memory";
import { describeWithServers } from "@omni/servers";
import { connect } from "nats";
import { both, firstInKafka, lastInNats, type Servers, STREAM, until } from "./brokers.ts";

/** How a publish ends: its state, or its error; with how the members ended. */
interface End {
  readonly state: string;
  readonly error?: OmniError | undefined;
  readonly members: Readonly<Record<string, string>>;
}

async function end(publish: ReturnType<QueueProvider["publish"]> | Promise<unknown>): Promise<End> {
  try {
    const { state, outcomes } = (await publish) as { readonly state: string; readonly outcomes: readonly CompositeOutcome[] };
    return { state, members: membersOf(outcomes) };
  } catch (error) {
    if (!isPublishFailure(error) || !MultiError.is(error)) throw error;
    const settled = await (error as unknown as CompositeError).settled;
    return { state: error.code, error: error as unknown as OmniError, members: membersOf(settled) };
  }
}

function membersOf(outcomes: readonly CompositeOutcome[]): Record<string, string> {
  return Object.fromEntries(outcomes.map(({ member, state }) => [member, state]));
}

/** Whether a strategy goes on while one of two brokers is away. */
const GOES_ON: Readonly<Record<Strategy, boolean>> = {
  "fail-fast": false,
  all: false,
  "best-effort": true,
  quorum: true,
  failover: true,
};

function queueOf(servers: Servers, options: CompositeOptions): QueueProvider {
  const third = { name: "memory", provider: memoryQueue() };
  return options.strategy === "quorum" ? both(servers, options, third) : both(servers, options);
}

await describeWithServers(
  ["nats", "kafka"],
  "NATS and Kafka as one",
  (servers) => {
    for (const gone of ["nats", "kafka"] as const) {
      const stays = gone === "nats" ? "kafka" : "nats";
      test(`without ${gone}: who needs it fails and names it, who does not goes on, and ${stays} holds everything`, async () => {
        const strategies = Object.keys(GOES_ON) as Strategy[];
        const topic = `without-${gone}-${newId()}`;
        const queues = strategies.map((strategy) => queueOf(servers, { strategy, topic, breaker: false }));
        for (const queue of queues) expect((await end(queue.publish({ data: "before" }))).state).toBe("acked");
        await servers(gone).kill();
        try {
          for (const [index, strategy] of strategies.entries()) {
            const { state, error, members } = await end(queues[index]!.publish({ id: `${topic}-${strategy}`, data: strategy }));
            // What was on its way when the broker went may be there.
            const failure = members[gone] === "unknown" ? "IN_DOUBT" : "PARTIAL_FAILURE";
            expect([strategy, state]).toEqual([strategy, GOES_ON[strategy] ? "acked" : failure]);
            expect([strategy, members[stays]]).toEqual([strategy, "acked"]);
            if (strategy !== "failover") expect(["rejected", "unknown"]).toContain(members[gone]);
            if (error) expect(error.message).toMatch(new RegExp(`^${gone} publish`));
          }
        } finally {
          await servers(gone).restart();
          await Promise.all(queues.map((queue) => queue.close()));
        }
        if (stays === "nats") expect(await lastInNats(servers, topic)).toEqual({ id: `${topic}-failover`, text: "failover" });
        else {
          const found = await firstInKafka(servers, topic, 2 * strategies.length - 1);
          expect(found.map(({ text }) => text)).toEqual(expect.arrayContaining(["before", ...strategies]));
        }
      }, 120_000);
    }

    test("a broker that is down at the start is no hindrance to who does not require it, and is used when it appears", async () => {
      await servers("nats").kill();
      const topic = `late-${newId()}`;
      const tolerant = both(servers, { strategy: "best-effort", subscribe: "all", topic });
      const strict = both(servers, { strategy: "fail-fast", topic });
      try {
        await tolerant.ready();
        expect(await tolerant.health()).toMatchObject({ status: "degraded", reason: expect.stringMatching(/^nats: /) });
        await expect(strict.ready()).rejects.toThrow(/^nats ready: /);
        const handled: string[] = [];
        await tolerant.consume((message) => void handled.push(message.text()));
        expect((await end(tolerant.publish({ data: "early" }))).members.kafka).toBe("acked");
        await servers("nats").restart();
        await until("NATS is used", async () => (await end(tolerant.publish({ data: "late" }))).members.nats === "acked");
        expect((await lastInNats(servers, topic)).text).toBe("late");
        await strict.ready();
        expect((await end(strict.publish({ data: "last" }))).members).toEqual({ nats: "acked", kafka: "acked" });
        await until("the first and the last are handled", () => handled.includes("early") && handled.includes("last"));
      } finally {
        await servers("nats").restart();
        await Promise.all([tolerant.close(), strict.close()]);
      }
    }, 120_000);

    test("a broker that refused more than ten connections is used again", async () => {
      const queue = both(servers, { strategy: "best-effort", topic: `again-${newId()}` });
      try {
        expect((await end(queue.publish({ data: "before" }))).members.nats).toBe("acked");
        await servers("nats").kill();
        const { port } = new URL(servers("nats").url);
        let refused = 0;
        const impostor = createServer((socket) => {
          refused += 1;
          socket.destroy();
        });
        await once(impostor.listen(Number(port), "127.0.0.1"), "listening");
        while (refused <= 12) await once(impostor, "connection");
        impostor.close();
        await once(impostor, "close");
        await servers("nats").restart();
        await until("NATS is used", async () => (await end(queue.publish({ data: "after" }))).members.nats === "acked");
      } finally {
        await servers("nats").restart();
        await queue.close();
      }
    }, 120_000);

    test("the stream keeps by its limits what nobody reads, and what others have read", async () => {
      const queue = both(servers, { topic: `limits-${newId()}` });
      await queue.publish({ data: "x" });
      await queue.close();
      const connection = await connect({ servers: servers("nats").url });
      const { config } = await (await connection.jetstreamManager()).streams.info(STREAM);
      expect([config.retention, config.discard]).toEqual(["limits", "new"]);
      await connection.close();
    });
    describe("QUEUE_TYPE=composite", () => fromEnvironment(servers));
  },
  { private: true },
);

function fromEnvironment(servers: Servers): void {
  /** The environment of a service, as people type it. */
  const env = (more: Record<string, string> = {}): Record<string, string> => ({
    QUEUE_TYPE: "composite",
    COMPOSITE_PROVIDERS: " nats, kafka ",
    NATS_URL: servers("nats").url,
    NATS_STREAM: STREAM,
    KAFKA_BROKERS: servers("kafka").url,
    QUEUE_TOPIC: `env-${newId()}`,
    ...more,
  });

  test("both adapters are logged, both numbers rise, and both brokers hold the message", async () => {
    const lines: unknown[] = [];
    const nothing = (): void => undefined;
    const info = (details: unknown, text?: string): void => void lines.push([text, details]);
    const variables = env();
    const queue = await createQueueFromEnv(variables, { logger: { debug: nothing, warn: nothing, error: nothing, info } });
    expect(lines.filter((line) => (line as string[])[0] === "adapter created")).toEqual([
      ["adapter created", { provider: "nats", member: "nats" }],
      ["adapter created", { provider: "kafka", member: "kafka" }],
    ]);
    const published = async (): Promise<unknown[]> => {
      const { byMember = {} } = await queue.stats();
      return [byMember.nats?.published, byMember.kafka?.published];
    };
    expect(await published()).toEqual([0, 0]);
    for (const count of [1, 2]) {
      const { state, outcomes } = await queue.publish({ id: `m${count}`, data: `dual-write test ${count}` });
      expect([state, membersOf(outcomes as readonly CompositeOutcome[])]).toEqual(["acked", { nats: "acked", kafka: "acked" }]);
      expect(await published()).toEqual([count, count]);
    }
    expect((await queue.stats()).total?.published).toBe(4);
    await queue.close();
    const topic = variables.QUEUE_TOPIC as string;
    expect(await lastInNats(servers, topic)).toEqual({ id: "m2", text: "dual-write test 2" });
    // Messages without a key may lie on any partition.
    const inKafka = await firstInKafka(servers, topic, 2);
    expect([...inKafka].sort((a, b) => a.text.localeCompare(b.text))).toEqual([
      { id: "m1", text: "dual-write test 1" },
      { id: "m2", text: "dual-write test 2" },
    ]);
  });

  test("what one process publishes another handles, though each broker has a copy", async () => {
    const variables = env({ COMPOSITE_STRATEGY: "best-effort" });
    const [producer, consumer] = [await createQueueFromEnv(variables), await createQueueFromEnv(variables)];
    const handled = new Promise((resolve) => void consumer.consume((message) => resolve([message.text(), message.key])));
    await producer.publish({ data: "dual-write test", key: "k" });
    expect(await handled).toEqual(["dual-write test", "k"]);
    await Promise.all([producer.close(), consumer.close()]);
  });
}
