import type { Storage } from "@google-cloud/storage";
import type { DriverBody, DriverDeleteOptions, DriverWriteOptions, ObjectInfo, StorageDriver, Supporting } from "@omni/core";
import { OmniError, offerNativeCrc32c } from "@omni/core";
import { account } from "./account.ts";
import { copy, deleteKey, move, setMetadata } from "./copying.ts";
import { classifyError, statusOf } from "./errors.ts";
import { httpWire } from "./http-wire.ts";
import { list } from "./listing.ts";
import { type Context, draft, generationOf, infoOf } from "./objects.ts";
import { isMissing, outcomeOf, read, stat, withBucketChecked, withOutcome } from "./reading.ts";
import type { GcsSettings } from "./settings.ts";
import { signUrl } from "./signing.ts";
import { resumeStage, stage } from "./staging.ts";
import { type SweepOptions, type SweepReport, sweepStale } from "./sweeping.ts";
import { upload } from "./uploading.ts";

/** The largest object and the longest name: https://cloud.google.com/storage/quotas#objects */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4;
const MAX_NAME_BYTES = 1024;

/** The optional methods that the driver has. */
export type GcsAbility = "stage" | "resumeStage" | "copy" | "move" | "setMetadata" | "signUrl";

/** What only Google Cloud Storage has. */
export interface GcsExtras {
  /** The SDK's client underneath; loads the SDK when that has not happened yet. */
  client(): Promise<Storage>;
  /**
   * Removes staged writes that nobody will commit.
   *
   * @throws OmniError INVALID_ARGUMENT, or what the store says
   */
  sweepStale(options: SweepOptions): Promise<SweepReport>;
}

/** One bucket, or a folder in it. */
export type GcsDriver = StorageDriver & Supporting<GcsAbility> & GcsExtras;

/** Finds a package as this one does. Not by a literal name: a bundler would take native code along. */
const loadPackage = (name: string): Promise<object> => import(name) as Promise<object>;

/** Makes a driver; connects at first use. */
export function gcsDriver(settings: GcsSettings): GcsDriver {
  const { prefix } = settings;
  offerNativeCrc32c(loadPackage);
  const who = account(settings);
  const wire = httpWire(settings, who);
  const context: Context = { settings, wire, key: (path) => prefix + path };
  return {
    scheme: "gcs",
    identity: settings.identity,
    features: {
      hashes: ["md5", "crc32c"],
      canStream: true,
      rangeRead: true,
      listPrefix: true,
      listDelimiter: true,
      listStartAfter: true,
      sortedList: true,
      setModTime: true,
      customMetadata: true,
      contentHeaders: true,
      stamps: true,
      serverSideEncryption: true,
      conditional: { create: true, replace: "generation", delete: true },
      stagedWrite: "durable",
      durable: "store",
      maxObjectBytes: MAX_OBJECT_BYTES,
      maxPathBytes: MAX_NAME_BYTES - Buffer.byteLength(prefix),
    },
    classifyError,
    read: (path, options) => read(context, path, options),
    write: (path, body, options) => write(context, path, body, options),
    stat: async (path, { signal }) => infoOf(path, await stat(context, context.key(path), signal)),
    list: (from, options) => list(context, from, options),
    delete: (path, options) => remove(context, path, options),
    stage: (path, body, options) => stage(context, path, body, options),
    resumeStage: (path, token, options) => resumeStage(context, path, token, options),
    copy: (from, to, options) => copy(context, from, to, options),
    move: (from, to, options) => move(context, from, to, options),
    setMetadata: (path, change, options) => setMetadata(context, path, change, options),
    signUrl: (path, options) => signUrl(who, settings, context.key(path), options),
    close: async () => wire.close(),
    client: who.client,
    sweepStale: (options) => sweepStale(context, options),
  };
}

async function write(context: Context, path: string, body: DriverBody, options: DriverWriteOptions): Promise<ObjectInfo> {
  const made = draft(context.key(path), options, generationOf(options));
  return infoOf(path, await upload(context, made, body, options));
}

async function remove(context: Context, path: string, { signal, ifMatch }: DriverDeleteOptions): Promise<void> {
  const generation = ifMatch === undefined ? undefined : generationOf({ ifMatch });
  try {
    await deleteKey(context, context.key(path), generation, signal);
  } catch (error) {
    const known = await checked(context, error, signal);
    if (generation !== undefined && (isMissing(known) || statusOf(known) === 412))
      throw new OmniError("PRECONDITION_FAILED", { outcome: outcomeOf(known), cause: known });
    if (!isMissing(known)) throw known;
  }
}

async function checked(context: Context, error: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    return await withBucketChecked(context, error, signal);
  } catch (stopped) {
    throw withOutcome(stopped, outcomeOf(error) ?? "unknown", signal);
  }
}
