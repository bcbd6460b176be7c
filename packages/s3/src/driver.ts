import type { IncomingMessage } from "node:http";
import type { GetObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import type {
  DriverBody,
  DriverDeleteOptions,
  DriverRead,
  DriverReadOptions,
  ObjectInfo,
  StorageDriver,
  Supporting,
} from "@omni/core";
import { NetworkBody, OmniError, offerNativeCrc32c } from "@omni/core";
import type { Context } from "./context.ts";
import { copy, move, setMetadata } from "./copying.ts";
import { deleteMany } from "./deleting.ts";
import { withDetail } from "./detail.ts";
import { classifyError, codeOf, statusOf } from "./errors.ts";
import { leanWire } from "./lean-wire.ts";
import { list } from "./listing.ts";
import { customerKeyOf, defined, infoOf } from "./objects.ts";
import { publish } from "./publishing.ts";
import { sdkWire } from "./sdk-wire.ts";
import type { S3Settings } from "./settings.ts";
import { signUrl } from "./signing.ts";
import { resumeStage, stage } from "./staging.ts";
import { type SweepOptions, type SweepReport, sweepStale } from "./sweeping.ts";

/** The largest object of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

/** The optional methods that S3 always has; batched deletes are absent where the provider lacks them. */
export type S3Ability = "stage" | "resumeStage" | "copy" | "move" | "setMetadata" | "signUrl";

/** What only S3 has. */
export interface S3Extras {
  /** The SDK's client underneath; loads the SDK when that has not happened yet. */
  client(): Promise<S3Client>;
  /**
   * Removes uploads that nobody will complete: those of killed writers, and staged writes that were given up.
   *
   * @throws OmniError INVALID_ARGUMENT, or what the store says
   */
  sweepStale(options: SweepOptions): Promise<SweepReport>;
}

/** One bucket, or a folder in it. */
export type S3Driver = StorageDriver & Supporting<S3Ability> & S3Extras;

/** Finds a package as this one does. Not by a literal name: a bundler would take native code along. */
const loadPackage = (name: string): Promise<object> => import(name) as Promise<object>;

/** Makes a driver; connects at first use. */
export function s3Driver(settings: S3Settings): S3Driver {
  const { profile, prefix } = settings;
  if (profile.checksum === "crc32c") offerNativeCrc32c(loadPackage);
  const wire = sdkWire(settings);
  const lean = leanWire(settings, wire);
  const context: Context = { settings, send: withDetail(lean.send), key: (path) => prefix + path };
  return {
    scheme: "s3",
    identity: settings.identity,
    features: {
      hashes: profile.checksum === "crc32c" ? ["crc32c"] : [],
      canStream: true,
      rangeRead: true,
      listPrefix: true,
      listDelimiter: true,
      listStartAfter: true,
      sortedList: true,
      setModTime: true,
      // The kept time is metadata, which https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html does not show.
      listsUploadTime: true,
      customMetadata: true,
      contentHeaders: true,
      stamps: true,
      serverSideEncryption: true,
      conditional: {
        create: profile.conditional.create,
        replace: profile.conditional.replace ? "etag" : false,
        delete: profile.conditional.delete,
      },
      stagedWrite: "durable",
      durable: "store",
      maxObjectBytes: MAX_OBJECT_BYTES,
      maxPathBytes: 1024 - Buffer.byteLength(prefix),
    },
    classifyError,
    read: (path, options) => read(context, path, options),
    write: (path, body: DriverBody, options) => publish(context, path, body, options),
    stat: (path, { signal }) => stat(context, path, signal),
    list: (from, options) => list(context, from, options),
    delete: (path, options) => remove(context, path, options),
    stage: (path, body, options) => stage(context, path, body, options),
    resumeStage: (path, token, options) => resumeStage(context, path, token, options),
    copy: (from, to, options) => copy(context, from, to, options),
    move: (from, to, options) => move(context, from, to, options),
    ...(profile.deleteMany
      ? {
          deleteMany: (paths: readonly string[], { signal }: { signal?: AbortSignal | undefined }) =>
            deleteMany(context, paths, signal),
        }
      : {}),
    setMetadata: (path, change, options) => setMetadata(context, path, change, options),
    signUrl: (path, options) => signUrl(wire, settings, context.key(path), options),
    close: async () => {
      lean.close();
      await wire.close();
    },
    client: wire.client,
    sweepStale: (options) => sweepStale(context, options),
  };
}

async function read(context: Context, path: string, options: DriverReadOptions): Promise<DriverRead> {
  const { send, key, settings } = context;
  const { offset = 0, limit, ifMatch, signal } = options;
  // A range of an empty object is an error at S3, so none is asked for where all is wanted.
  const range =
    offset === 0 && limit === undefined ? undefined : `bytes=${offset}-${limit === undefined ? "" : offset + limit - 1}`;
  try {
    const output = await send(
      "GetObject",
      { Key: key(path), ...defined({ Range: range, IfMatch: ifMatch }), ...customerKeyOf(settings) },
      signal,
    );
    return { info: infoOf(path, output), body: bodyOf(output) };
  } catch (error) {
    if (statusOf(error) !== 416) throw error;
    const info = await stat(context, path, signal);
    if (ifMatch !== undefined && info.etag !== ifMatch) throw new OmniError("PRECONDITION_FAILED", { cause: error });
    return { info, body: empty() };
  }
}

function bodyOf({ Body }: GetObjectCommandOutput): AsyncIterable<Uint8Array> {
  return Body === undefined ? empty() : new NetworkBody(Body as IncomingMessage);
}

async function* empty(): AsyncGenerator<Uint8Array, undefined> {}

async function stat({ send, key, settings }: Context, path: string, signal: AbortSignal | undefined): Promise<ObjectInfo> {
  const checksum = settings.profile.checksum === "none" ? {} : ({ ChecksumMode: "ENABLED" } as const);
  return infoOf(path, await send("HeadObject", { Key: key(path), ...checksum, ...customerKeyOf(settings) }, signal));
}

async function remove({ send, key }: Context, path: string, { signal, ifMatch }: DriverDeleteOptions): Promise<void> {
  try {
    await send("DeleteObject", { Key: key(path), ...defined({ IfMatch: ifMatch }) }, signal);
  } catch (error) {
    const missing = statusOf(error) === 404 && codeOf(error) !== "NoSuchBucket";
    if (!missing) throw error;
    if (ifMatch !== undefined) throw new OmniError("PRECONDITION_FAILED", { outcome: "not-applied", cause: error });
  }
}
