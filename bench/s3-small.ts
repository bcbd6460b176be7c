// Many small objects on an S3 server, some at once: put, get, delete, list.
import {
  digestOf,
  inLanes,
  omni,
  ready,
  type S3Contender,
  type S3Place,
  type SmallStore,
  s3Peers,
  smallPeers,
  startStore,
  stopStore,
} from "./peers/s3-stores.ts";
import { type Benchmark, defineBenchmark, type Peer, type Session, type Subject } from "./runner/benchmark.ts";

type SmallParams = { readonly operation: "put" | "get" | "delete" | "list"; readonly objects: number };

const objectBytes = 4096;

function bytesOf(number: number): Uint8Array {
  const bytes = new Uint8Array(objectBytes).fill(7);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

function rounds(store: SmallStore, folder: string, { operation, objects }: SmallParams): Session {
  const fill = (): Promise<void> => inLanes(objects, (number) => store.put(`${folder}${number}`, bytesOf(number)));
  const clear = (): Promise<void> => inLanes(objects, (number) => store.remove(`${folder}${number}`));
  const read = async (number: number): Promise<void> => {
    let bytes = 0;
    await store.get(`${folder}${number}`, (chunk) => {
      bytes += chunk.byteLength;
    });
    if (bytes !== objectBytes) throw new Error(`${bytes} bytes arrived`);
  };
  const list = async (): Promise<void> => {
    const count = await store.count(folder);
    if (count !== objects) throw new Error(`${count} objects were listed`);
  };
  const proof = async (): Promise<string> =>
    operation === "delete" ? String(await store.count(folder)) : digestOf(store, `${folder}${objects - 1}`);
  if (operation === "put") return { run: fill, tidy: clear, proof };
  if (operation === "delete") return { run: clear, tidy: fill, proof };
  return { run: operation === "list" ? list : () => inLanes(objects, read), proof };
}

function subject(contender: S3Contender<SmallStore>): Subject<SmallParams, S3Place> {
  return {
    label: contender.label,
    async start({ params, fixture }): Promise<Session> {
      const store = await ready(contender, fixture);
      const folder = `${contender.name}/`;
      if (params.operation !== "put") await inLanes(params.objects, (number) => store.put(`${folder}${number}`, bytesOf(number)));
      return { ...rounds(store, folder, params), close: () => store.close?.() };
    },
  };
}

type Operation = SmallParams["operation"];

/** @param name differs where the target does */
function peer(
  contender: S3Contender<SmallStore>,
  name: string,
  does: readonly Operation[],
  atLeast?: number,
): Peer<SmallParams, S3Place> {
  return {
    ...subject(contender),
    name,
    needs: { package: contender.package, how: "npm run bench after an installation with development dependencies" },
    takes: ({ operation }) => does.includes(operation),
    ...(atLeast !== undefined && { target: { atLeast } }),
  };
}

/** The SDK is what one would otherwise use: twice its speed is wanted where an object is a request. */
function peersOf(contender: S3Contender): readonly Peer<SmallParams, S3Place>[] {
  const { name } = contender;
  if (contender.package !== "@aws-sdk/client-s3") return [peer(contender, name, ["put", "get", "delete", "list"])];
  return [peer(contender, name, ["put", "get"], 2), peer(contender, `${name}-stated`, ["delete", "list"])];
}

const benchmark: Benchmark = defineBenchmark<SmallParams, S3Place>({
  name: "s3-small",
  title: "objects of 4 KiB on S3, 32 requests at once",
  unit: "object",
  compare: "speed",
  params: {
    full: (["put", "get", "delete", "list"] as const).map((operation) => ({ operation, objects: 10_000 })),
    quick: (["put", "get", "delete", "list"] as const).map((operation) => ({ operation, objects: 200 })),
  },
  rounds: { usual: 5, fewest: 3 },
  work: ({ objects }) => objects,
  setup: startStore,
  teardown: stopStore,
  subjects: {
    ours: subject(omni),
    peers: [...s3Peers.flatMap(peersOf), ...smallPeers.map((contender) => peer(contender, contender.name, ["put", "get"]))],
  },
});

export default benchmark;
