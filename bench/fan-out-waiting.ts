// One stream to several members, beside its slowest member alone and beside all of them one after the other.
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Backend } from "@omni/core";
import { numberedBytes, pacedSink } from "./peers/paced-sinks.ts";
import { partBytes, partsAtOnce, type S3Place, startStore, stopStore } from "./peers/s3-stores.ts";
import { type Benchmark, defineBenchmark, type Peer, type Session, type Subject } from "./runner/benchmark.ts";

/**
 * `paced`: three stores that take 200, 250 and 300 MB a second. `s3-and-file`: a bucket and a folder on this machine. `files`: three folders, which
 * wait for nothing but the processor.
 */
type WaitingParams = { readonly members: "paced" | "s3-and-file" | "files"; readonly sizeMiB: number };

/** A server where one is written to. */
type Fixture = S3Place | null;

/** A member, and how it shows what came to it. */
interface Member {
  readonly backend: Backend;
  proof(): Promise<string>;
}

const objectName = "big.bin";
const megabyte = 1_000_000;
const ceilingMiB = 150;

/** Every chunk is fresh memory and carries its number. */
async function* source({ sizeMiB }: WaitingParams): AsyncGenerator<Uint8Array> {
  const pattern = new Uint8Array(numberedBytes).map((_, index) => index * 31);
  for (let index = 0; index < (sizeMiB * 1024 * 1024) / numberedBytes; index += 1) {
    const chunk = pattern.slice();
    new DataView(chunk.buffer).setUint32(0, index);
    yield chunk;
  }
}

function stored(backend: Backend): Member {
  return {
    backend,
    async proof() {
      const hash = createHash("sha256");
      for await (const chunk of await backend.read(objectName)) hash.update(chunk);
      return hash.digest("hex");
    },
  };
}

async function paced(megabytes: number): Promise<Member> {
  const sink = await pacedSink(String(megabytes), megabytes * megabyte);
  return { backend: sink.backend, proof: async () => sink.seen() };
}

async function folderMember(folder: string, name: string): Promise<Member> {
  const { file } = await import("@omni/file");
  const root = join(folder, name);
  await mkdir(root);
  return stored(file({ root }));
}

async function bucketMember(place: Fixture, prefix: string): Promise<Member> {
  if (place === null) throw new Error("a bucket is written to, and no server was started");
  const { s3 } = await import("@omni/s3");
  const { url, ...account } = place;
  const backend = s3({ ...account, provider: "minio", endpoint: url, prefix, partSizeBytes: partBytes, concurrency: partsAtOnce });
  // Loads the SDK: its memory is not that of a stream.
  await backend.exists(objectName);
  return stored(backend);
}

/** The members of a case, the one first that takes longest alone. */
async function membersOf({ members }: WaitingParams, place: Fixture, folder: string, name: string): Promise<Member[]> {
  if (members === "paced") return [await paced(200), await paced(250), await paced(300)];
  if (members === "s3-and-file") return [await bucketMember(place, `${name}/`), await folderMember(folder, "a")];
  return [await folderMember(folder, "a"), await folderMember(folder, "b"), await folderMember(folder, "c")];
}

/** Proves by the first member, which all subjects write to. */
function session({ proof }: Member, stores: readonly Backend[], run: () => Promise<void>): Session {
  return {
    run,
    proof,
    async tidy() {
      for (const store of stores) await store.delete(objectName);
    },
    async close() {
      for (const store of stores) await store.close();
    },
  };
}

const ours: Subject<WaitingParams, Fixture> = {
  label: "Omni multi of all members",
  async start({ params, fixture, folder }) {
    const { multi } = await import("@omni/multi");
    const members = await membersOf(params, fixture, folder, "multi");
    const backends = members.map(({ backend }) => backend);
    const group = multi(backends, { mode: "all" });
    const [first] = members as [Member];
    const common = session(first, backends, async () => void (await group.write(objectName, source(params))));
    return {
      ...common,
      /** Each member must hold the whole. */
      async proof() {
        const proofs = new Set(await Promise.all(members.map((member) => member.proof())));
        return [...proofs].join(" and ");
      },
      async close() {
        await group.close();
        await common.close?.();
      },
    };
  },
};

/** @param count of the members, from the slowest on */
function alone(name: string, label: string, count: "one" | "all"): Peer<WaitingParams, Fixture> {
  return {
    name,
    label,
    async start({ params, fixture, folder }) {
      const members = await membersOf(params, fixture, folder, name);
      const used = count === "one" ? members.slice(0, 1) : members;
      const backends = used.map(({ backend }) => backend);
      return session(members[0] as Member, backends, async () => {
        for (const backend of backends) await backend.write(objectName, source(params));
      });
    },
  };
}

const benchmark: Benchmark = defineBenchmark<WaitingParams, Fixture>({
  name: "fan-out-waiting",
  title: "one stream to several members, and to one alone",
  unit: "MiB",
  compare: "time",
  params: {
    full: (["paced", "s3-and-file", "files"] as const).map((members) => ({ members, sizeMiB: 1024 })),
    quick: (["paced", "s3-and-file", "files"] as const).map((members) => ({ members, sizeMiB: 24 })),
  },
  rounds: { usual: 7, fewest: 3 },
  work: ({ sizeMiB }) => sizeMiB,
  memoryCeilingMiB: ({ sizeMiB }) => (sizeMiB > ceilingMiB ? ceilingMiB : undefined),
  setup: ({ members }) => (members === "s3-and-file" ? startStore() : null),
  teardown: async (place) => {
    if (place !== null) await stopStore(place);
  },
  subjects: {
    ours,
    peers: [
      {
        ...alone("slowest", "its slowest member alone", "one"),
        takes: ({ members }) => members !== "files",
        target: { atMost: 1.1 },
      },
      { ...alone("one", "one of them alone", "one"), takes: ({ members }) => members === "files" },
      alone("sum", "all members, one after the other", "all"),
    ],
  },
});

export default benchmark;
