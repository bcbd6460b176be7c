import { MultiError, type OmniError } from "@omni/core";
import { createQueueFromEnv, isPublishFailure, newId, type QueueProvider } from "@omni/core/queue";
import type { CompositeError, CompositeOptions, CompositeOutcome, Strategy } from "@omni/queue-composite";
import { memoryQueue } from "@omni/queue-memory";
import { describeWithServers } from "@omni/servers";
import { both, firstInKafka, lastInNats, type Servers, STREAM } from "./brokers.ts";

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
  },
  { private: true },
);

await describeWithServers(["nats", "kafka"], "QUEUE_TYPE=composite on NATS and Kafka", (servers) => {
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
});
