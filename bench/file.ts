// What @omni/file costs beside node:fs by hand: small objects one after the other, and one large stream.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Benchmark, defineBenchmark, type Peer, type Session } from "./runner/benchmark.ts";

/** `objects` of `objectKiB` each, overwritten in turn; more than one chunk of 64 KiB is streamed. */
type FileParams = { readonly objects: number; readonly objectKiB: number; readonly fsync: boolean };

const chunkBytes = 64 * 1024;
const metadata = { owner: "bench", note: "twenty or thirty bytes of text" };
const contentType = "application/octet-stream";

/** The same bytes for every subject. Large objects come as a stream of fresh memory. */
function bodyOf({ objectKiB }: FileParams, index: number): Uint8Array | AsyncIterable<Uint8Array> {
  return objectKiB * 1024 <= chunkBytes ? new Uint8Array(objectKiB * 1024).fill(index) : stream(objectKiB, index);
}

async function* stream(objectKiB: number, index: number): AsyncGenerator<Uint8Array> {
  const pattern = new Uint8Array(chunkBytes).map((_, at) => at * 31 + index);
  for (let sent = 0; sent < objectKiB * 1024; sent += chunkBytes) {
    const chunk = pattern.slice();
    new DataView(chunk.buffer).setUint32(0, sent);
    yield chunk;
  }
}

/** Overwriting keeps the number of names small and is what a store does most. */
const nameOf = (index: number): string => `object-${index % 50}`;

async function proofOf(folder: string, { objects }: FileParams): Promise<string> {
  const hash = createHash("sha256");
  for (let index = 0; index < Math.min(objects, 50); index += 1)
    for await (const chunk of createReadStream(join(folder, nameOf(index)), { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.byteLength; ) written += (await handle.write(chunk, written)).bytesWritten;
}

/** Temporary file, fsync, rename, fsync of the folder: no reader ever sees half a file, no power failure leaves one. */
async function writeSafely(
  folder: string,
  name: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  fsync: boolean,
): Promise<void> {
  const temporary = join(folder, `${name}.tmp`);
  const handle = await open(temporary, "wx");
  try {
    if (body instanceof Uint8Array) await writeWhole(handle, body);
    else for await (const chunk of body) await writeWhole(handle, chunk);
    if (fsync) await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, join(folder, name));
  if (!fsync) return;
  const directory = await open(folder, "r");
  await directory.sync().finally(() => directory.close());
}

function byHand(name: string, label: string, withMetadata: boolean): Peer<FileParams, null> {
  return {
    name,
    label,
    start: ({ params, folder }): Session => ({
      async run() {
        for (let index = 0; index < params.objects; index += 1) {
          if (withMetadata) {
            const record = Buffer.from(JSON.stringify({ contentType, metadata, id: crypto.randomUUID() }));
            await writeSafely(folder, `${nameOf(index)}.meta`, record, params.fsync);
          }
          await writeSafely(folder, nameOf(index), bodyOf(params, index), params.fsync);
        }
      },
      proof: () => proofOf(folder, params),
      tidy: () => removeLarge(folder, params),
    }),
  };
}

/** Gigabytes go between the rounds; small objects stay, to be overwritten. */
async function removeLarge(folder: string, { objects, objectKiB }: FileParams): Promise<void> {
  if (objectKiB * 1024 > chunkBytes) for (let index = 0; index < objects; index += 1) await rm(join(folder, nameOf(index)));
}

const benchmark: Benchmark = defineBenchmark<FileParams>({
  name: "file",
  title: "writing files whole or not at all",
  unit: "MiB",
  compare: "speed",
  params: {
    full: [
      { objects: 1000, objectKiB: 4, fsync: false },
      { objects: 300, objectKiB: 4, fsync: true },
      { objects: 1, objectKiB: 1024 * 1024, fsync: true },
    ],
    quick: [
      { objects: 100, objectKiB: 4, fsync: false },
      { objects: 20, objectKiB: 4, fsync: true },
      { objects: 1, objectKiB: 20 * 1024, fsync: true },
    ],
  },
  work: ({ objects, objectKiB }) => (objects * objectKiB) / 1024,
  // Above what V8 lets pile up: it collects dead chunks only when about 64 MiB of them wait.
  memoryCeilingMiB: ({ objectKiB }) => (objectKiB >= 1024 * 1024 ? 150 : undefined),
  subjects: {
    ours: {
      label: "Omni file, with metadata, etag and conditions",
      async start({ params, folder }) {
        const { file } = await import("@omni/file");
        const backend = file({ root: folder, fsync: params.fsync });
        return {
          async run() {
            for (let index = 0; index < params.objects; index += 1)
              await backend.write(nameOf(index), bodyOf(params, index), { contentType, metadata });
          },
          proof: () => proofOf(folder, params),
          tidy: () => removeLarge(folder, params),
          close: () => backend.close(),
        };
      },
    },
    peers: [
      byHand("fs-two-files", "node:fs, metadata in a second file (not atomic with the first)", true),
      byHand("fs-bytes-only", "node:fs, no metadata", false),
    ],
  },
});

export default benchmark;
