// What core's streamed digests cost beside Node's own and the fastest kept libraries, on one stream of chunks.
import { createHash } from "node:crypto";
import { type Benchmark, defineBenchmark, type Peer, type Session } from "./runner/benchmark.ts";

type HashingParams = { readonly algorithm: "crc32c" | "md5" | "sha256"; readonly chunkBytes: number; readonly totalMiB: number };

/** Every subject reads the same asynchronous stream, as bytes arrive from a store: the stream's cost is in all of them. */
async function* stream({ chunkBytes, totalMiB }: HashingParams): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(chunkBytes).map((_, index) => index * 31);
  for (let left = totalMiB * 2 ** 20; left > 0; left -= chunkBytes) yield chunk;
}

function session(params: HashingParams, digest: (body: AsyncIterable<Uint8Array>) => Promise<string>): Session {
  let last = "";
  return {
    async run() {
      last = await digest(stream(params));
    },
    proof: () => last,
  };
}

const nodeCrypto: Peer<HashingParams, null> = {
  name: "node:crypto",
  label: "node:crypto createHash",
  takes: ({ algorithm }) => algorithm !== "crc32c",
  target: { atLeast: 0.9 },
  start: ({ params }) =>
    session(params, async (body) => {
      const hash = createHash(params.algorithm);
      for await (const chunk of body) hash.update(chunk);
      return hash.digest("hex");
    }),
};

const hashWasm: Peer<HashingParams, null> = {
  name: "hash-wasm",
  label: "hash-wasm",
  needs: { package: "hash-wasm", how: "pnpm install" },
  target: { atLeast: 0.9 },
  async start({ params }) {
    const { createCRC32, createMD5, createSHA256 } = await import("hash-wasm");
    // crc32c is CRC-32 over the Castagnoli polynomial (RFC 3720 section 12.1), given here with its bits reversed.
    const hash = await { crc32c: () => createCRC32(0x82f63b78), md5: createMD5, sha256: createSHA256 }[params.algorithm]();
    return session(params, async (body) => {
      hash.init();
      for await (const chunk of body) hash.update(chunk);
      return hash.digest("hex");
    });
  },
};

const nodeRs: Peer<HashingParams, null> = {
  name: "@node-rs/crc32",
  label: "@node-rs/crc32 (native)",
  takes: ({ algorithm }) => algorithm === "crc32c",
  needs: { package: "@node-rs/crc32", how: "pnpm install; a binary exists for the common platforms" },
  target: { atLeast: 0.9 },
  async start({ params }) {
    const { crc32c } = await import("@node-rs/crc32");
    return session(params, async (body) => {
      let crc = 0;
      for await (const chunk of body) crc = crc32c(chunk as Buffer, crc);
      return crc.toString(16).padStart(8, "0");
    });
  },
};

/** What core does where no package that has the native library is in use, or where the library cannot be loaded. */
const inJavaScript: Peer<HashingParams, null> = {
  name: "omni-javascript",
  label: "Omni digestOf, core alone (JavaScript)",
  takes: ({ algorithm }) => algorithm === "crc32c",
  async start({ params }) {
    const { digestOf } = await import("@omni/core");
    return session(params, (body) => digestOf(params.algorithm, body));
  },
};

const full: HashingParams[] = (["crc32c", "md5", "sha256"] as const).flatMap((algorithm) => [
  { algorithm, chunkBytes: 64 * 1024, totalMiB: 128 },
  { algorithm, chunkBytes: 1024, totalMiB: 64 },
]);

const benchmark: Benchmark = defineBenchmark<HashingParams>({
  name: "hashing",
  title: "digests of a stream",
  unit: "MiB",
  compare: "speed",
  params: { full, quick: full.map((params) => ({ ...params, totalMiB: 2 })) },
  work: ({ totalMiB }) => totalMiB,
  subjects: {
    ours: {
      // crc32c as a user of @omni/s3 or @omni/gcs gets it: with the native library, which core loads when 16 MiB have been summed.
      label: "Omni digestOf, beside @omni/s3",
      async start({ params }) {
        const [{ digestOf }, { s3 }] = await Promise.all([import("@omni/core"), import("@omni/s3")]);
        const store = s3({ bucket: "never-asked", region: "us-east-1" });
        await digestOf(params.algorithm, stream({ ...params, totalMiB: 32 }));
        return { ...session(params, (body) => digestOf(params.algorithm, body)), close: () => store.close() };
      },
    },
    peers: [nodeCrypto, hashWasm, nodeRs, inJavaScript],
  },
});

export default benchmark;
