// What a composite adds to a publish, where the members themselves cost next to nothing: two queues in memory.
import type { QueueProvider } from "@omni/core/queue";
import { publishAll, topic } from "./peers/queue-clients.ts";
import { type Benchmark, defineBenchmark, type Session } from "./runner/benchmark.ts";

type CompositeParams = { readonly messages: number; readonly inFlight: number };

/** What a round publishes through: made anew each time, since nobody takes the messages. */
interface Target {
  publish(data: Uint8Array): Promise<unknown>;
  /** What each of the queues holds. */
  stored(): Promise<readonly (number | undefined)[]>;
  close(): Promise<unknown>;
}

function session(params: CompositeParams, make: (queueOf: () => QueueProvider) => Target, queueOf: () => QueueProvider): Session {
  let target = make(queueOf);
  let acked = 0;
  return {
    async run() {
      acked = await publishAll({ ...target, close: async () => undefined }, { work: "publish", ...params });
    },
    async tidy() {
      const stored = await target.stored();
      if (stored.some((count) => count !== params.messages))
        throw new Error(`the queues hold ${stored}, not ${params.messages} each`);
      await target.close();
      target = make(queueOf);
    },
    proof: () => `${acked} acknowledged`,
    close: async () => void (await target.close()),
  };
}

async function start(params: CompositeParams, make: (queueOf: () => QueueProvider) => Target): Promise<Session> {
  const { memoryQueue } = await import("@omni/queue-memory");
  return session(params, make, () => memoryQueue({ topic, capacity: params.messages }));
}

function targetOf(queues: readonly QueueProvider[], publish: Target["publish"], close: Target["close"]): Target {
  const storedIn = async (queue: QueueProvider): Promise<number | undefined> => (await queue.stats({ topic })).stored;
  return { publish, stored: () => Promise.all(queues.map(storedIn)), close };
}

const benchmark: Benchmark = defineBenchmark<CompositeParams>({
  name: "composite-memory",
  title: "messages of 256 B published to two queues in memory",
  unit: "message",
  compare: "time",
  params: {
    full: [1, 64, 512].map((inFlight) => ({ messages: 50_000, inFlight })),
    quick: [1, 64, 512].map((inFlight) => ({ messages: 2_000, inFlight })),
  },
  work: ({ messages }) => messages,
  subjects: {
    ours: {
      label: "Omni compositeQueue over two memory queues",
      async start({ params }) {
        const { compositeQueue } = await import("@omni/queue-composite");
        return start(params, (queueOf) => {
          const queues = [queueOf(), queueOf()];
          const queue = compositeQueue(queues, { topic, strategy: "all", subscribe: false });
          return targetOf(
            queues,
            (data) => queue.publish({ data }),
            () => queue.close(),
          );
        });
      },
    },
    peers: [
      {
        name: "by-hand",
        label: "the two queues published to by hand, with Promise.all",
        start: ({ params }) =>
          start(params, (queueOf) => {
            const queues = [queueOf(), queueOf()];
            return targetOf(
              queues,
              (data) => Promise.all(queues.map((queue) => queue.publish({ data }))),
              () => Promise.all(queues.map((queue) => queue.close())),
            );
          }),
      },
      {
        name: "one",
        label: "one of them alone",
        start: ({ params }) =>
          start(params, (queueOf) => {
            const queue = queueOf();
            return targetOf(
              [queue],
              (data) => queue.publish({ data }),
              () => queue.close(),
            );
          }),
      },
    ],
  },
});

export default benchmark;
