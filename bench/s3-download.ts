// One large object from an S3 server.
import { digestOf, largePeers, omni, ready, type S3Contender, type S3Place, startStore, stopStore } from "./peers/s3-stores.ts";
import { type Benchmark, defineBenchmark, type Session, type Subject } from "./runner/benchmark.ts";

type DownloadParams = { readonly sizeMiB: number };

const key = "download";
const ceilingMiB = 92;

async function* source({ sizeMiB }: DownloadParams): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < sizeMiB; index += 1) yield new Uint8Array(1024 * 1024).fill(index);
}

function subject(contender: S3Contender): Subject<DownloadParams, S3Place> {
  return {
    label: contender.label,
    async start({ params, fixture }): Promise<Session> {
      const store = await ready(contender, fixture);
      return {
        async run() {
          let bytes = 0;
          await store.get(key, (chunk) => {
            bytes += chunk.byteLength;
          });
          if (bytes !== params.sizeMiB * 1024 ** 2) throw new Error(`${bytes} bytes arrived`);
        },
        proof: () => digestOf(store, key),
        close: () => store.close?.(),
      };
    },
  };
}

const benchmark: Benchmark = defineBenchmark<DownloadParams, S3Place>({
  name: "s3-download",
  title: "one large object from S3",
  unit: "MiB",
  compare: "speed",
  params: { full: [{ sizeMiB: 1024 }], quick: [{ sizeMiB: 24 }] },
  rounds: { usual: 5, fewest: 3 },
  work: ({ sizeMiB }) => sizeMiB,
  async setup(params) {
    const place = await startStore();
    const store = await omni.open(place);
    await store.upload(key, source(params));
    await store.close?.();
    return place;
  },
  teardown: stopStore,
  memoryCeilingMiB: ({ sizeMiB }) => (sizeMiB > ceilingMiB ? ceilingMiB : undefined),
  subjects: {
    ours: subject(omni),
    peers: largePeers(subject),
  },
});

export default benchmark;
