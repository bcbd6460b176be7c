// One stream to three folders: what the fan-out costs beside a hand-written loop, and whether its memory stays flat.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Benchmark, defineBenchmark, type Peer, type Session } from "./runner/benchmark.ts";

type FanOutParams = { readonly sizeMiB: number; readonly chunkKiB: number };

const members = ["a", "b", "c"];
/** Far below the stream and above what V8 lets pile up: it collects dead chunks only when about 64 MiB of them wait, for every subject. */
const ceilingMiB = 150;
const objectName = "big.bin";

/**
 * Every chunk is fresh memory and carries its number: a subject that keeps chunks shows in its memory, one that mixes them up in its
 * digest.
 */
async function* source({ sizeMiB, chunkKiB }: FanOutParams): AsyncGenerator<Uint8Array> {
  const pattern = new Uint8Array(chunkKiB * 1024).map((_, index) => index * 31);
  const chunks = (sizeMiB * 1024) / chunkKiB;
  for (let index = 0; index < chunks; index += 1) {
    const chunk = pattern.slice();
    new DataView(chunk.buffer).setUint32(0, index);
    yield chunk;
  }
}

async function digestFiles(roots: readonly string[]): Promise<string> {
  const digests: string[] = [];
  for (const root of roots) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(join(root, objectName), { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    digests.push(hash.digest("hex"));
  }
  return digests.join(" ");
}

type WriteChunk = (handles: readonly FileHandle[], chunk: Uint8Array) => Promise<void>;

async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.byteLength; ) {
    written += (await handle.write(chunk, written)).bytesWritten;
  }
}

/** As safe as the file backend: temporary file, fsync, rename, fsync of the folder. */
async function writeSafely(roots: readonly string[], body: AsyncIterable<Uint8Array>, writeChunk: WriteChunk): Promise<void> {
  const temporary = (root: string) => join(root, `${objectName}.tmp`);
  const handles = await Promise.all(roots.map((root) => open(temporary(root), "wx")));
  try {
    for await (const chunk of body) await writeChunk(handles, chunk);
    await Promise.all(handles.map((handle) => handle.sync()));
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
  await Promise.all(
    roots.map(async (root) => {
      await rename(temporary(root), join(root, objectName));
      const folder = await open(root, "r");
      await folder.sync().finally(() => folder.close());
    }),
  );
}

function byHand(name: string, label: string, writeChunk: WriteChunk): Peer<FanOutParams, null> {
  return {
    name,
    label,
    async start({ params, folder }): Promise<Session> {
      const roots = members.map((member) => join(folder, member));
      for (const root of roots) await mkdir(root);
      return {
        run: () => writeSafely(roots, source(params), writeChunk),
        proof: () => digestFiles(roots),
        async tidy() {
          for (const root of roots) await rm(join(root, objectName));
        },
      };
    },
  };
}

const benchmark: Benchmark = defineBenchmark<FanOutParams>({
  name: "fan-out-1gib",
  title: "one stream to three file members, safely",
  unit: "MiB",
  compare: "speed",
  params: {
    full: [
      { sizeMiB: 64, chunkKiB: 64 },
      { sizeMiB: 1024, chunkKiB: 64 },
    ],
    quick: [{ sizeMiB: 20, chunkKiB: 64 }],
  },
  work: ({ sizeMiB }) => sizeMiB,
  memoryCeilingMiB: ({ sizeMiB }) => (sizeMiB > ceilingMiB ? ceilingMiB : undefined),
  subjects: {
    ours: {
      label: "Omni multi of three files",
      async start({ params, folder }) {
        const { multi } = await import("@omni/multi");
        const { file } = await import("@omni/file");
        const roots = members.map((member) => join(folder, member));
        const backend = multi(
          roots.map((root) => file({ root })),
          { mode: "all" },
        );
        return {
          run: async () => void (await backend.write(objectName, source(params))),
          proof: () => digestFiles(roots),
          tidy: () => backend.delete(objectName),
          close: () => backend.close(),
        };
      },
    },
    peers: [
      byHand("fs-loop", "node:fs, one file after the other", async (handles, chunk) => {
        for (const handle of handles) await writeWhole(handle, chunk);
      }),
      byHand("fs-parallel", "node:fs, three files at once", async (handles, chunk) => {
        await Promise.all(handles.map((handle) => writeWhole(handle, chunk)));
      }),
    ],
  },
});

export default benchmark;
