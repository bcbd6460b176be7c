// What a queue with groups, acknowledgements, deadlines and outcomes costs in one process: beside arrays with and without its promises, beside the
// same in Go, and in heap for each message that waits.
import { randomUUID } from "node:crypto";
import { ArrayQueue, capacity, PromisingArrayQueue } from "./peers/array-queues.ts";
import { buildGo, goSession, needsGo } from "./peers/go-program.ts";
import { type Benchmark, defineBenchmark, type Peer, type Session } from "./runner/benchmark.ts";

/** `"through"`: published and handled; `"queued"`: published, and nobody takes them. */
type MemoryParams = { readonly work: "through" | "queued"; readonly messages: number; readonly inFlight: number };
/** Path of the Go program, where Go is present. */
type MemoryFixture = string | null;
type MemoryPeer = Peer<MemoryParams, MemoryFixture>;

const body = new Uint8Array(256).fill(7);

/** Keeps so many publishes under way. */
async function publishAll({ messages, inFlight }: MemoryParams, publish: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < messages) {
      begun += 1;
      await publish();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/** A queue of one round. */
interface Subject {
  /** Publishes all, and handles them where somebody takes them; says how many. */
  run(): Promise<number>;
  close?(): Promise<void>;
}

function session(params: MemoryParams, make: () => Subject): Session {
  let current: Subject | undefined;
  let done = 0;
  let heapBefore = 0;
  const heapPerMessage = (): number => {
    globalThis.gc?.();
    return (process.memoryUsage().heapUsed - heapBefore) / params.messages;
  };
  return {
    async run() {
      heapBefore = process.memoryUsage().heapUsed;
      current = make();
      done = await current.run();
    },
    ...(params.work === "queued" && { figures: () => ({ "heap in B per queued message, its data left out,": heapPerMessage() }) }),
    async tidy() {
      await current?.close?.();
      current = undefined;
    },
    proof: () => String(done),
  };
}

function plainArray(params: MemoryParams): Subject {
  return {
    async run() {
      const queue = new ArrayQueue();
      const sent = publishAll(params, () => queue.push(body));
      let handled = 0;
      for (; handled < params.messages; handled += 1) await queue.take();
      await sent;
      return handled;
    },
  };
}

function promisingArray(params: MemoryParams): Subject {
  const queue = new PromisingArrayQueue(randomUUID, params.work === "queued" ? params.messages : capacity);
  const publish = (): Promise<unknown> => queue.publish(body);
  return {
    async run() {
      if (params.work === "queued") {
        await publishAll(params, publish);
        return params.messages;
      }
      let handled = 0;
      const all = Promise.withResolvers<void>();
      queue.consume("everybody", () => {
        handled += 1;
        if (handled === params.messages) all.resolve();
      });
      await publishAll(params, publish);
      await all.promise;
      return handled;
    },
    close: () => queue.close(),
  };
}

const peers: readonly MemoryPeer[] = [
  {
    name: "array-promising",
    label: "array by hand, the same promises: ids, outcomes, deadlines, groups, redelivery, order per key",
    // 0.9 of its speed.
    target: { atMost: 1.111 },
    start: ({ params }) => session(params, () => promisingArray(params)),
  },
  {
    name: "array-queue",
    label: "array by hand, no acknowledgement",
    takes: ({ work }) => work === "through",
    start: ({ params }) => session(params, () => plainArray(params)),
  },
  {
    name: "go",
    label: "Go, the same promises over a channel, a goroutine for each publish in flight",
    needs: needsGo,
    takes: ({ work }) => work === "through",
    start: ({ params, fixture }) => goSession(fixture as string, [], `${params.messages} ${params.inFlight}`),
  },
];

const benchmark: Benchmark = defineBenchmark<MemoryParams, MemoryFixture>({
  name: "queue-memory",
  title: "messages of 256 B through a queue in one process, published and handled",
  unit: "message",
  compare: "time",
  params: {
    full: [
      ...[1, 64, 512].map((inFlight) => ({ work: "through", messages: 100_000, inFlight }) as const),
      { work: "queued", messages: 100_000, inFlight: 64 },
    ],
    quick: [
      ...[1, 64, 512].map((inFlight) => ({ work: "through", messages: 5_000, inFlight }) as const),
      { work: "queued", messages: 5_000, inFlight: 64 },
    ],
  },
  work: ({ messages }) => messages,
  setup: (_params, folder) => buildGo("queue", folder),
  subjects: {
    ours: {
      label: "Omni memoryQueue, publish and consume",
      async start({ params }) {
        const { memoryQueue } = await import("@omni/queue-memory");
        return session(params, () => {
          const queue = memoryQueue({ topic: "events", capacity: params.work === "queued" ? params.messages : capacity });
          return {
            async run() {
              if (params.work === "queued") {
                await publishAll(params, () => queue.publish({ data: body }));
                return params.messages;
              }
              let handled = 0;
              const all = Promise.withResolvers<void>();
              await queue.consume(() => {
                handled += 1;
                if (handled === params.messages) all.resolve();
              });
              await publishAll(params, () => queue.publish({ data: body }));
              await all.promise;
              return handled;
            },
            close: () => queue.close(),
          };
        });
      },
    },
    peers,
  },
});

export default benchmark;
