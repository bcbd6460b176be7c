// One stream of unknown length to an S3 server: time, CPU and memory, whatever the size of its chunks.
import {
  digestOf,
  largePeers,
  omni,
  partBytes,
  partsAtOnce,
  ready,
  type S3Contender,
  type S3Place,
  startStore,
  stopStore,
} from "./peers/s3-stores.ts";
import { type Benchmark, defineBenchmark, type Session, type Subject } from "./runner/benchmark.ts";

type UploadParams = { readonly sizeMiB: number; readonly chunkKiB: number };

/** The promise of the backend: parts that are on the way, and 60 MiB for everything else. */
const ceilingMiB = (partBytes * partsAtOnce) / 1024 ** 2 + 60;

/** Every chunk is fresh memory and carries its number. */
async function* source({ sizeMiB, chunkKiB }: UploadParams): AsyncGenerator<Uint8Array> {
  const pattern = new Uint8Array(chunkKiB * 1024).map((_, index) => index * 31);
  const chunks = (sizeMiB * 1024) / chunkKiB;
  for (let index = 0; index < chunks; index += 1) {
    const chunk = pattern.slice();
    new DataView(chunk.buffer).setUint32(0, index);
    yield chunk;
  }
}

function subject(contender: S3Contender): Subject<UploadParams, S3Place> {
  return {
    label: contender.label,
    async start({ params, fixture }): Promise<Session> {
      const store = await ready(contender, fixture);
      const key = `upload-${contender.name}`;
      return {
        run: async () => void (await store.upload(key, source(params))),
        proof: () => digestOf(store, key),
        tidy: async () => void (await store.remove(key)),
        close: () => store.close?.(),
      };
    },
  };
}

const benchmark: Benchmark = defineBenchmark<UploadParams, S3Place>({
  name: "s3-upload",
  title: "one stream of unknown length to S3",
  unit: "MiB",
  compare: "speed",
  params: {
    full: [
      { sizeMiB: 1024, chunkKiB: 1 },
      { sizeMiB: 1024, chunkKiB: 64 },
      { sizeMiB: 1024, chunkKiB: 8192 },
    ],
    quick: [
      { sizeMiB: 24, chunkKiB: 1 },
      { sizeMiB: 24, chunkKiB: 64 },
      { sizeMiB: 24, chunkKiB: 8192 },
    ],
  },
  rounds: { usual: 5, fewest: 3 },
  work: ({ sizeMiB }) => sizeMiB,
  setup: startStore,
  teardown: stopStore,
  memoryCeilingMiB: ({ sizeMiB }) => (sizeMiB > ceilingMiB ? ceilingMiB : undefined),
  subjects: {
    ours: subject(omni),
    peers: largePeers(subject),
  },
});

export default benchmark;
