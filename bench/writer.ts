// What one chunk costs on its way from a pushing caller to a pulling driver: no store, no copy, only the hand-over.
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { type Benchmark, defineBenchmark, type Peer, type Session } from "./runner/benchmark.ts";

type WriterParams = { readonly chunkBytes: number; readonly chunks: number };

/** As much may wait between the two sides of each subject: what core's writer lets wait. */
const windowBytes = 256 * 1024;

/** Counts what arrives: the same work at the end of every subject's way. */
class Arrivals {
  #chunks = 0;
  #bytes = 0;

  readonly take = (chunk: Uint8Array): void => {
    this.#chunks += 1;
    this.#bytes += chunk.byteLength;
  };

  async drain(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of body) this.take(chunk);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What arrived since the last call. */
  count(): string {
    const text = `${this.#chunks} chunks, ${this.#bytes} bytes`;
    this.#chunks = 0;
    this.#bytes = 0;
    return text;
  }
}

function session(run: (chunk: Uint8Array, arrivals: Arrivals) => Promise<void>, { chunkBytes }: WriterParams): Session {
  const chunk = new Uint8Array(chunkBytes).fill(1);
  const arrivals = new Arrivals();
  let last = "";
  return {
    async run() {
      await run(chunk, arrivals);
      last = arrivals.count();
    },
    proof: () => last,
  };
}

const asyncGenerator: Peer<WriterParams, null> = {
  name: "async-generator",
  label: "async generator, pulled",
  target: { atLeast: 1 },
  start: ({ params }) =>
    session((chunk, arrivals) => {
      async function* produce(): AsyncGenerator<Uint8Array> {
        for (let index = 0; index < params.chunks; index += 1) yield chunk;
      }
      return arrivals.drain(produce());
    }, params),
};

const passThrough: Peer<WriterParams, null> = {
  name: "pass-through",
  label: "node:stream PassThrough",
  target: { atLeast: 1 },
  start: ({ params }) =>
    session(async (chunk, arrivals) => {
      const stream = new PassThrough({ highWaterMark: windowBytes });
      // The iterator of a Readable glues waiting chunks together, a copy; "data" hands them on as they are.
      stream.on("data", arrivals.take);
      const ended = once(stream, "end");
      for (let index = 0; index < params.chunks; index += 1) {
        if (!stream.write(chunk)) await once(stream, "drain");
      }
      stream.end();
      await ended;
    }, params),
};

const benchmark: Benchmark = defineBenchmark<WriterParams>({
  name: "writer",
  title: "handing chunks from a pushing caller to a pulling driver",
  unit: "chunk",
  compare: "speed",
  params: {
    full: [
      { chunkBytes: 1024, chunks: 1_000_000 },
      { chunkBytes: 64 * 1024, chunks: 1_000_000 },
    ],
    quick: [{ chunkBytes: 1024, chunks: 20_000 }],
  },
  work: ({ chunks }) => chunks,
  subjects: {
    ours: {
      label: "Omni createWriter",
      async start({ params }) {
        const { createBackend } = await import("@omni/core");
        let sink: Arrivals | undefined;
        const absent = () => Promise.reject(new Error("the sink keeps nothing"));
        const backend = createBackend({
          scheme: "sink",
          features: { canStream: true },
          read: absent,
          stat: absent,
          list: async function* () {},
          delete: async () => {},
          async write(path, body) {
            if (body instanceof Uint8Array) sink!.take(body);
            else await sink!.drain(body);
            return { path, size: sink!.bytes };
          },
        });
        return session(async (chunk, arrivals) => {
          sink = arrivals;
          const writer = backend.createWriter("object");
          for (let index = 0; index < params.chunks; index += 1) await writer.write(chunk);
          await writer.close();
        }, params);
      },
    },
    peers: [asyncGenerator, passThrough],
  },
});

export default benchmark;
