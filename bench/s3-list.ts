// A whole listing of many keys of an S3 server, by each client that a user might otherwise take.
import { omni, ready, type S3Contender, type S3Place, s3Peers, startStore, stopStore } from "./peers/s3-stores.ts";
import { type Benchmark, defineBenchmark, type Session, type Subject } from "./runner/benchmark.ts";

type ListParams = { readonly keys: number };

const prefix = "many/";
const putsAtOnce = 64;

/** One folder, so that it is no matter who lists what is below folders. The objects are small: a listing does not look into them. */
function keyOf(number: number): string {
  return `${prefix}object-${String(number).padStart(6, "0")}.bin`;
}

/** All subjects list the same keys, which are put once. */
async function fill(place: S3Place, keys: number): Promise<void> {
  const store = await ready(omni, place);
  const bytes = new Uint8Array(16);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < keys) await store.put(keyOf(next++), bytes);
  };
  await Promise.all(Array.from({ length: putsAtOnce }, lane));
  await store.close?.();
}

function subject(contender: S3Contender): Subject<ListParams, S3Place> {
  return {
    label: contender.label,
    async start({ params, fixture }): Promise<Session> {
      const store = await ready(contender, fixture);
      return {
        async run() {
          const count = await store.count(prefix);
          if (count !== params.keys) throw new Error(`${count} keys were listed, not ${params.keys}`);
        },
        proof: async () => String(await store.count(prefix)),
        close: () => store.close?.(),
      };
    },
  };
}

const benchmark: Benchmark = defineBenchmark<ListParams, S3Place>({
  name: "s3-list",
  title: "a whole listing of a bucket, a thousand keys a page",
  unit: "key",
  compare: "speed",
  params: { full: [{ keys: 100_000 }], quick: [{ keys: 2_500 }] },
  rounds: { usual: 15, fewest: 5 },
  work: ({ keys }) => keys,
  async setup({ keys }) {
    const place = await startStore();
    try {
      await fill(place, keys);
    } catch (error) {
      await stopStore(place);
      throw error;
    }
    return place;
  },
  teardown: stopStore,
  subjects: {
    ours: subject(omni),
    // Each of them: the best of them is what counts.
    peers: s3Peers.map((peer) => ({
      ...subject(peer),
      name: peer.name,
      needs: { package: peer.package, how: "npm run bench after an installation with development dependencies" },
      target: { atLeast: 1 },
    })),
  },
});

export default benchmark;
