// Clients of an S3 server, each set up as its own documentation advises, behind the few calls that the benchmarks make.
import { createHash } from "node:crypto";
import { server } from "@omni/servers";
import type { Params, Peer, Subject } from "../runner/benchmark.ts";

/** Where the server answers, and a bucket of it. */
export type S3Place = {
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
};

export const partBytes: number = 8 * 1024 * 1024;
export const partsAtOnce = 4;
export const requestsAtOnce = 32;

/** One client, as far as small objects go. */
export interface SmallStore {
  put(key: string, bytes: Uint8Array): Promise<unknown>;
  /** Gives every chunk to `take`. */
  get(key: string, take: (chunk: Uint8Array) => void): Promise<void>;
  remove(key: string): Promise<unknown>;
  /** How many keys begin with the prefix. */
  count(prefix: string): Promise<number>;
  close?(): Promise<void>;
}

/** One client. */
export interface S3Store extends SmallStore {
  upload(key: string, chunks: AsyncIterable<Uint8Array>): Promise<unknown>;
}

/** A client that a benchmark can open. */
export interface S3Contender<S extends SmallStore = S3Store> {
  readonly name: string;
  readonly label: string;
  readonly package: string;
  open(place: S3Place): Promise<S>;
}

const running = new Map<string, () => Promise<void>>();

/** A MinIO of its own with an empty bucket. */
export async function startStore(): Promise<S3Place> {
  const started = await server("s3", { private: true });
  const { accessKeyId = "", secretAccessKey = "" } = started.credentials ?? {};
  const place: S3Place = { url: started.url, region: started.region ?? "us-east-1", accessKeyId, secretAccessKey, bucket: "bench" };
  running.set(place.url, () => started.stop());
  const { client, sdk } = await rawClient(place);
  await client.send(new sdk.CreateBucketCommand({ Bucket: place.bucket }));
  client.destroy();
  return place;
}

export async function stopStore({ url }: S3Place): Promise<void> {
  await running.get(url)?.();
}

/** A client that has made its first request: some load their modules only then, and their memory is not that of an upload. */
export async function ready<S extends SmallStore>(contender: S3Contender<S>, place: S3Place): Promise<S> {
  const store = await contender.open(place);
  const count = await store.count("nothing is here/");
  if (count !== 0) throw new Error(`${contender.name} lists ${count} objects where there are none`);
  return store;
}

/** Runs `work` for the numbers below `count`, some at once. */
export async function inLanes(count: number, work: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: requestsAtOnce }, lane));
}

/** The digest of an object. */
export async function digestOf(store: SmallStore, key: string): Promise<string> {
  const hash = createHash("sha256");
  await store.get(key, (chunk) => void hash.update(chunk));
  return hash.digest("hex");
}

async function rawClient({ url, region, accessKeyId, secretAccessKey }: S3Place) {
  const sdk = await import("@aws-sdk/client-s3");
  const client = new sdk.S3Client({ endpoint: url, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  return { sdk, client };
}

export const omni: S3Contender = {
  name: "omni",
  label: "Omni s3()",
  package: "@omni/s3",
  async open({ url, ...place }) {
    const { s3 } = await import("@omni/s3");
    const store = s3({ ...place, provider: "minio", endpoint: url, partSizeBytes: partBytes, concurrency: partsAtOnce });
    return {
      put: (key, bytes) => store.write(key, bytes),
      upload: (key, chunks) => store.write(key, chunks),
      async get(key, take) {
        for await (const chunk of await store.read(key)) take(chunk);
      },
      remove: (key) => store.delete(key),
      async count(prefix) {
        let count = 0;
        for await (const info of store.list(prefix)) count += info.isDirectory ? 0 : 1;
        return count;
      },
      close: () => store.close(),
    };
  },
};

const awsSdk: S3Contender = {
  name: "aws-sdk",
  label: "AWS SDK (Upload of lib-storage)",
  package: "@aws-sdk/client-s3",
  async open(place) {
    const { sdk, client } = await rawClient(place);
    const { Upload } = await import("@aws-sdk/lib-storage");
    const { Readable } = await import("node:stream");
    const at = (Key: string) => ({ Bucket: place.bucket, Key });
    return {
      put: (key, Body) => client.send(new sdk.PutObjectCommand({ ...at(key), Body })),
      upload: (key, chunks) =>
        new Upload({
          client,
          params: { ...at(key), Body: Readable.from(chunks) },
          partSize: partBytes,
          queueSize: partsAtOnce,
        }).done(),
      async get(key, take) {
        const { Body } = await client.send(new sdk.GetObjectCommand(at(key)));
        for await (const chunk of Body as AsyncIterable<Uint8Array>) take(chunk);
      },
      remove: (key) => client.send(new sdk.DeleteObjectCommand(at(key))),
      async count(prefix) {
        let count = 0;
        for await (const page of sdk.paginateListObjectsV2({ client }, { Bucket: place.bucket, Prefix: prefix }))
          count += page.KeyCount ?? 0;
        return count;
      },
      close: async () => client.destroy(),
    };
  },
};

const opendal: S3Contender = {
  name: "opendal",
  label: "OpenDAL (native)",
  package: "opendal",
  async open({ url, region, bucket, accessKeyId, secretAccessKey }) {
    const { Operator } = await import("opendal");
    const operator = new Operator("s3", {
      root: "/",
      bucket,
      endpoint: url,
      region,
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
    });
    return {
      put: (key, bytes) => operator.write(key, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
      async upload(key, chunks) {
        // Its writer has no option for parts at once in this release, the last that runs with glibc 2.36.
        const writer = await operator.writer(key, { chunk: BigInt(partBytes) });
        for await (const chunk of chunks) await writer.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        await writer.close();
      },
      async get(key, take) {
        const reader = await operator.reader(key);
        for await (const chunk of reader.createReadStream()) take(chunk as Uint8Array);
      },
      remove: (key) => operator.delete(key),
      async count(prefix) {
        return (await operator.list(prefix)).filter((entry) => !entry.path().endsWith("/")).length;
      },
    };
  },
};

const filesSdk: S3Contender = {
  name: "files-sdk",
  label: "files-sdk",
  package: "files-sdk",
  async open({ url, region, bucket, accessKeyId, secretAccessKey }) {
    const { Files } = await import("files-sdk");
    const { s3 } = await import("files-sdk/s3");
    const { Readable } = await import("node:stream");
    const files = new Files({
      adapter: s3({ bucket, region, endpoint: url, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } }),
    });
    return {
      put: (key, bytes) => files.upload(key, bytes),
      upload: (key, chunks) =>
        files.upload(key, Readable.toWeb(Readable.from(chunks)) as ReadableStream<Uint8Array>, {
          multipart: { partSize: partBytes, concurrency: partsAtOnce },
        }),
      async get(key, take) {
        const file = await files.download(key);
        for await (const chunk of file.stream()) take(chunk);
      },
      remove: (key) => files.delete(key),
      async count(prefix) {
        let count = 0;
        for await (const _ of files.listAll({ prefix })) count++;
        return count;
      },
    };
  },
};

/** Whole values only, and its listing is one page of whatever the bucket holds first: `count` serves an empty place alone. */
const unstorage: S3Contender<SmallStore> = {
  name: "unstorage",
  label: "unstorage, s3 driver",
  package: "unstorage",
  async open({ url, ...account }) {
    const { createStorage } = await import("unstorage");
    const { default: s3Driver } = await import("unstorage/drivers/s3");
    const storage = createStorage({ driver: s3Driver({ ...account, endpoint: url }) });
    return {
      put: (key, bytes) => storage.setItemRaw(key, bytes),
      async get(key, take) {
        const bytes = await storage.getItemRaw<ArrayBuffer>(key);
        if (bytes === null) throw new Error(`${key} is not there`);
        take(new Uint8Array(bytes));
      },
      remove: (key) => storage.removeItem(key),
      count: async (prefix) => (await storage.getKeys(prefix)).length,
    };
  },
};

/** The SDK behind it; told what its documentation says to tell: without a type it would look into the bytes for one. */
const flystorage: S3Contender<SmallStore> = {
  name: "flystorage",
  label: "@flystorage/aws-s3",
  package: "@flystorage/aws-s3",
  async open(place) {
    const { client } = await rawClient(place);
    const { AwsS3StorageAdapter } = await import("@flystorage/aws-s3");
    const { FileStorage } = await import("@flystorage/file-storage");
    const storage = new FileStorage(new AwsS3StorageAdapter(client, { bucket: place.bucket }));
    return {
      // Of a plain Uint8Array it would make a stream of numbers.
      put: (key, bytes) =>
        storage.write(key, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
          mimeType: "application/octet-stream",
          size: bytes.byteLength,
        }),
      async get(key, take) {
        for await (const chunk of await storage.read(key)) take(chunk as Uint8Array);
      },
      remove: (key) => storage.deleteFile(key),
      async count(prefix) {
        let count = 0;
        for await (const { isFile } of storage.list(prefix, { deep: true })) count += isFile ? 1 : 0;
        return count;
      },
      close: async () => client.destroy(),
    };
  },
};

/** Everybody whom ours is compared with. */
export const s3Peers: readonly S3Contender[] = [awsSdk, opendal, filesSdk];

/** Those that are compared by small objects alone. */
export const smallPeers: readonly S3Contender<SmallStore>[] = [unstorage, flystorage];

/** The peers of a benchmark of large objects. The SDK is what one would otherwise use; the distance to a native client is stated. */
export function largePeers<P extends Params>(
  subject: (contender: S3Contender) => Subject<P, S3Place>,
): readonly Peer<P, S3Place>[] {
  return s3Peers.map((contender) => ({
    ...subject(contender),
    name: contender.name,
    needs: { package: contender.package, how: "npm run bench after an installation with development dependencies" },
    ...(contender === awsSdk && { target: { atLeast: 1 } }),
  }));
}
