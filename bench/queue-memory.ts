// What a queue with groups, acknowledgements, deadlines and outcomes costs in one process beside an array that has none of it.
import { type Benchmark, defineBenchmark, type Peer, type Session } from "./runner/benchmark.ts";

type QueueParams = { readonly messages: number; readonly inFlight: number };

const capacity = 1_000;
const body = new Uint8Array(256).fill(7);

/** Publishes so many at a time: one, several calls at once. */
async function publishAll({ messages, inFlight }: QueueParams, publish: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < messages; n += inFlight) {
    if (inFlight === 1) await publish(n);
    else await Promise.all(Array.from({ length: Math.min(inFlight, messages - n) }, (_, i) => publish(n + i)));
  }
}

function session(run: () => Promise<number>): Session {
  let handled = 0;
  return {
    async run() {
      handled = await run();
    },
    proof: () => String(handled),
  };
}

/** The least that a bounded queue in one process can be: an array, an index, and who waits. */
class ArrayQueue {
  #items: Uint8Array[] = [];
  #first = 0;
  #taker: ((item: Uint8Array) => void) | undefined;
  readonly #givers: (() => void)[] = [];

  async push(item: Uint8Array): Promise<void> {
    while (this.#items.length - this.#first >= capacity) await new Promise<void>((resolve) => this.#givers.push(resolve));
    const taker = this.#taker;
    this.#taker = undefined;
    if (taker) taker(item);
    else this.#items.push(item);
  }

  async take(): Promise<Uint8Array> {
    if (this.#first === this.#items.length)
      return new Promise((resolve) => {
        this.#taker = resolve;
      });
    const item = this.#items[this.#first] as Uint8Array;
    this.#first += 1;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    }
    this.#givers.shift()?.();
    return item;
  }
}

const arrayQueue: Peer<QueueParams, null> = {
  name: "array-queue",
  label: "array and promises, no acknowledgement",
  start: ({ params }) =>
    session(async () => {
      const queue = new ArrayQueue();
      const sent = publishAll(params, () => queue.push(body));
      let handled = 0;
      while (handled < params.messages) {
        await queue.take();
        handled += 1;
      }
      await sent;
      return handled;
    }),
};

const benchmark: Benchmark = defineBenchmark<QueueParams>({
  name: "queue-memory",
  title: "messages of 256 B through a queue in one process, published and handled",
  unit: "message",
  compare: "time",
  params: {
    full: [1, 64, 512].map((inFlight) => ({ messages: 100_000, inFlight })),
    quick: [1, 64, 512].map((inFlight) => ({ messages: 5_000, inFlight })),
  },
  work: ({ messages }) => messages,
  subjects: {
    ours: {
      label: "Omni memoryQueue, publish and consume",
      async start({ params }) {
        const { memoryQueue } = await import("@omni/queue-memory");
        return session(async () => {
          const queue = memoryQueue({ topic: "events", capacity });
          let handled = 0;
          let finish = (): void => undefined;
          const finished = new Promise<void>((resolve) => {
            finish = resolve;
          });
          await queue.consume(() => {
            handled += 1;
            if (handled === params.messages) finish();
          });
          await publishAll(params, () => queue.publish({ data: body }));
          await finished;
          await queue.close();
          return handled;
        });
      },
    },
    peers: [arrayQueue],
  },
});

export default benchmark;
