import { randomUUID } from "node:crypto";
import { type Backend, type ErrorCode, OmniError } from "@omni/core";
import { folderOf } from "../places.ts";
import type { StoreTarget } from "../targets.ts";
import type { CheckSettings, Checkup, Finding } from "./checkup.ts";
import { clockOf } from "./clock.ts";

/** How a store is looked at. */
export interface StoreCheckSettings extends CheckSettings {
  /** It is a group, whose members and journal are looked at besides. */
  readonly isGroup: boolean;
}

const OPENING: Partial<Record<ErrorCode, string>> = {
  INVALID_ARGUMENT: "correct the configuration as it says",
  NOT_INSTALLED: "install the package as it says",
  UNKNOWN_BACKEND: 'name the package of this backend in "use" of the configuration',
};

const REACHING: Partial<Record<ErrorCode, string>> = {
  UNAUTHENTICATED:
    "the store does not know these credentials: check accessKeyId and secretAccessKey (credentialsFile at Google) in the configuration, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, GOOGLE_APPLICATION_CREDENTIALS",
  PERMISSION_DENIED:
    "the credentials are known but may not list here: grant s3:ListBucket (storage.objects.list at Google), or check the secret key and the clock",
  NOT_FOUND: "create the bucket, or correct its name, region and endpoint",
  INVALID_ARGUMENT: "create the bucket, or correct bucket, region and endpoint, as it says",
  UNAVAILABLE: "nothing answers there: check the endpoint, its port, http or https, the network and proxies",
  TIMEOUT: "no answer in time: check the endpoint and firewalls, or give --timeout more",
  UNKNOWN: "check endpoint, region and bucket; --debug shows what the client library says",
};

const WRITING: Partial<Record<ErrorCode, string>> = {
  PERMISSION_DENIED:
    "grant s3:PutObject, s3:GetObject and s3:DeleteObject (roles/storage.objectUser at Google; write permission on the directory), or give --read-only where it is meant so",
  UNAUTHENTICATED: "the credentials may read what is public, and no more: check them",
};

/** Errors after which nothing else can be found out. */
const FATAL: readonly ErrorCode[] = ["UNAUTHENTICATED", "NOT_FOUND", "INVALID_ARGUMENT", "UNAVAILABLE", "TIMEOUT"];

/** Looks at a store: that it opens and answers, what one may do there, its clock, and what was left unfinished. */
export async function checkStore(
  checkup: Checkup,
  place: string,
  open: () => Promise<StoreTarget>,
  settings: StoreCheckSettings,
): Promise<StoreTarget | undefined> {
  const { signal, timeoutMs } = settings;
  let target: StoreTarget | undefined;
  const call = { signal, timeoutMs };
  const describe = async (): Promise<string> => {
    target = await open();
    return target.url;
  };
  await checkup.check(place, "configuration", describe, OPENING, signal);
  if (!target) return undefined;
  const { backend, path } = target;
  if (backend.features.live) {
    await checkup.find({ place, check: "list", level: "skip", detail: "a live store holds nothing to look at" });
    return target;
  }
  const folder = folderOf(path);
  const unreached = await checkup.check(place, "list", () => listed(backend, folder, call), REACHING, signal);
  const isFatal = OmniError.is(unreached, ...FATAL);
  if (backend.supports("signUrl"))
    await checkup.check(place, "clock", () => clockOf(backend, `${folder}omni-doctor-clock`, call), {}, signal);
  if (isFatal)
    await checkup.find({ place, check: "write", level: "skip", detail: "not tried, since the store cannot be reached as it is" });
  else if (settings.readOnly) await checkup.find({ place, check: "write", level: "skip", detail: "not tried: --read-only" });
  else await probe(checkup, place, backend, `${folder}omni-doctor-${randomUUID()}.txt`, settings);
  if (!isFatal && !settings.isGroup) await leftovers(checkup, place, backend, settings);
  return isFatal ? undefined : target;
}

type Call = Pick<CheckSettings, "signal" | "timeoutMs">;

async function listed(backend: Backend, folder: string, call: Call): Promise<string> {
  for await (const { path } of backend.list(folder, { ...call, pageSize: 1 }))
    return `answers; begins with ${JSON.stringify(path)}`;
  return "answers; nothing is there yet";
}

/** Writes, reads and deletes an object of a name that nobody else uses. */
async function probe(
  checkup: Checkup,
  place: string,
  backend: Backend,
  path: string,
  { signal, timeoutMs }: CheckSettings,
): Promise<void> {
  const call = { signal, timeoutMs };
  const text = `written by omni doctor at ${new Date().toISOString()}; may be deleted\n`;
  const failed = await checkup.check(
    place,
    "write",
    async () => `${(await backend.write(path, text, call)).size} bytes as ${path}`,
    WRITING,
    signal,
  );
  if (failed) return;
  try {
    await checkup.check(place, "read", () => readBack(backend, path, text, call), WRITING, signal);
    if (backend.features.conditional.create)
      await checkup.check(place, "conditions", () => refusesSecond(backend, path, call), {}, signal);
  } finally {
    await checkup.check(place, "delete", () => removed(backend, path, { timeoutMs }), WRITING);
  }
}

async function readBack(backend: Backend, path: string, text: string, call: Call): Promise<string> {
  const found = await (await backend.read(path, call)).text();
  if (found !== text)
    throw new OmniError("CHECKSUM_MISMATCH", {
      reason: `what comes back differs from what was written: ${found.length} characters of ${text.length}`,
    });
  return "what was written comes back";
}

/** Stores that ignore If-None-Match exist; what relies on it would lose data there. */
async function refusesSecond(backend: Backend, path: string, call: Call): Promise<string | Omit<Finding, "place" | "check">> {
  try {
    await backend.write(path, "second", { ...call, ifNoneMatch: "*" });
  } catch (error) {
    if (OmniError.is(error, "ALREADY_EXISTS")) return "a second create of one object is refused";
    throw error;
  }
  const remedy = "set conditionalWrites: false for this backend, or name its provider; journals need a store that has conditions";
  return { level: "fail", detail: "the store ignores conditions: a second create replaced the first", remedy };
}

async function removed(backend: Backend, path: string, call: Pick<Call, "timeoutMs">): Promise<string> {
  await backend.delete(path, call);
  if (await backend.exists(path, call)) throw new OmniError("UNKNOWN", { reason: `${path} is still there after it was deleted` });
  return "the probe is gone";
}

const DAY_MS = 86_400_000;

type Sweep = (options: { readonly olderThanMs: number; readonly signal: AbortSignal }) => Promise<{ readonly kept?: unknown }>;

/** Uploads that were begun and not finished cost storage and are shown by no listing. */
async function leftovers(checkup: Checkup, place: string, backend: Backend, { signal }: CheckSettings): Promise<void> {
  const sweep = (backend.driver as { readonly sweepStale?: Sweep }).sweepStale;
  if (!sweep || !["s3", "gcs"].includes(backend.driver.scheme)) return;
  await checkup.check(
    place,
    "unfinished uploads",
    async () => {
      // Older than everything: this only counts.
      const { kept } = await sweep({ olderThanMs: 36_500 * DAY_MS, signal });
      if (typeof kept !== "number" || kept === 0) return "none is shown";
      const remedy =
        "if nothing is being uploaded: a lifecycle rule of the bucket (AbortIncompleteMultipartUpload), or omni recover GROUP --sweep";
      return { level: "warn", detail: `${kept} begun and not finished`, remedy };
    },
    { PERMISSION_DENIED: "grant s3:ListBucketMultipartUploads to see them; nothing else needs it" },
    signal,
  );
}
