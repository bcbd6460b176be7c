// What @omni/file costs beside node:fs by hand and beside libraries that promise less: small objects one after the other, and one large stream.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type FileContender, fileStores } from "./peers/file-stores.ts";
import { type Benchmark, defineBenchmark, type Peer, type Session } from "./runner/benchmark.ts";

/** `objects` of `objectKiB` each, overwritten or read in turn; more than one chunk of 64 KiB is streamed. */
type FileParams = {
  readonly operation: "write" | "read";
  readonly objects: number;
  readonly objectKiB: number;
  readonly fsync: boolean;
};

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

/** One way to keep objects: each call is one object. */
interface Way {
  write(name: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<unknown>;
  read(name: string): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** What is read was written before. */
async function session(params: FileParams, folder: string, way: Way): Promise<Session> {
  const { operation, objects, objectKiB } = params;
  const write = async (): Promise<void> => {
    for (let index = 0; index < objects; index += 1) await way.write(nameOf(index), bodyOf(params, index));
  };
  const read = async (): Promise<void> => {
    for (let index = 0; index < objects; index += 1) {
      const { byteLength } = await way.read(nameOf(index));
      if (byteLength !== objectKiB * 1024) throw new Error(`${byteLength} bytes of ${nameOf(index)} were read`);
    }
  };
  if (operation === "read") await write();
  return {
    run: operation === "read" ? read : write,
    proof: () => proofOf(folder, params),
    tidy: () => removeLarge(folder, params),
    ...(way.close && { close: () => way.close?.() }),
  };
}

/** @param judged by what is asked of a write that is as safe as ours: a temporary file, fsync, rename */
function byHand(name: string, label: string, withMetadata: boolean, judged: boolean): Peer<FileParams, null> {
  return {
    name: judged ? name : `${name}-read`,
    label,
    takes: ({ operation }) => judged === (operation === "write"),
    ...(judged && { target: { atLeast: 0.95 } }),
    start: ({ params, folder }) =>
      session(params, folder, {
        async write(object, body) {
          if (withMetadata) {
            const record = Buffer.from(JSON.stringify({ contentType, metadata, id: crypto.randomUUID() }));
            await writeSafely(folder, `${object}.meta`, record, params.fsync);
          }
          await writeSafely(folder, object, body, params.fsync);
        },
        async read(object) {
          if (withMetadata) JSON.parse(await readFile(join(folder, `${object}.meta`), "utf8"));
          return readFile(join(folder, object));
        },
      }),
  };
}

/** A library that does less for safety is stated, not judged; it is left out where it cannot do the case at all. */
function library(contender: FileContender): Peer<FileParams, null> {
  const { name, label, needs, streams } = contender;
  return {
    name,
    label,
    needs,
    takes: ({ fsync, objectKiB }) => !fsync && (streams || objectKiB * 1024 <= chunkBytes),
    start: async ({ params, folder }) => session(params, folder, await contender.open(folder)),
  };
}

/** Gigabytes go between the rounds; small objects stay, to be overwritten. */
async function removeLarge(folder: string, { objects, objectKiB }: FileParams): Promise<void> {
  if (objectKiB * 1024 > chunkBytes) for (let index = 0; index < objects; index += 1) await rm(join(folder, nameOf(index)));
}

const benchmark: Benchmark = defineBenchmark<FileParams>({
  name: "file",
  title: "files, written whole or not at all, and read",
  unit: "MiB",
  compare: "speed",
  params: {
    full: [
      { operation: "write", objects: 1000, objectKiB: 4, fsync: false },
      { operation: "write", objects: 300, objectKiB: 4, fsync: true },
      { operation: "write", objects: 1, objectKiB: 1024 * 1024, fsync: true },
      { operation: "write", objects: 1, objectKiB: 1024 * 1024, fsync: false },
      { operation: "read", objects: 5000, objectKiB: 4, fsync: false },
      // As the second, for minutes: `--cases 6 --rounds 3`.
      { operation: "write", objects: 50_000, objectKiB: 4, fsync: true },
    ],
    quick: [
      { operation: "write", objects: 100, objectKiB: 4, fsync: false },
      { operation: "write", objects: 20, objectKiB: 4, fsync: true },
      { operation: "write", objects: 1, objectKiB: 20 * 1024, fsync: true },
      { operation: "write", objects: 1, objectKiB: 20 * 1024, fsync: false },
      { operation: "read", objects: 100, objectKiB: 4, fsync: false },
    ],
  },
  rounds: { usual: 15, fewest: 3 },
  work: ({ objects, objectKiB }) => (objects * objectKiB) / 1024,
  // Above what V8 lets pile up: it collects dead chunks only when about 64 MiB of them wait.
  memoryCeilingMiB: ({ objectKiB }) => (objectKiB >= 1024 * 1024 ? 150 : undefined),
  subjects: {
    ours: {
      label: "Omni file, with metadata, etag and conditions",
      async start({ params, folder }) {
        const { file } = await import("@omni/file");
        const backend = file({ root: folder, fsync: params.fsync });
        return session(params, folder, {
          write: (object, body) => backend.write(object, body, { contentType, metadata }),
          read: async (object) => (await backend.read(object)).bytes(),
          close: () => backend.close(),
        });
      },
    },
    peers: [
      ...[true, false].flatMap((judged) => [
        byHand("fs-two-files", "node:fs, metadata in a second file (not atomic with the first)", true, judged),
        byHand("fs-bytes-only", "node:fs, no metadata", false, judged),
      ]),
      ...fileStores.map(library),
    ],
  },
});

export default benchmark;
