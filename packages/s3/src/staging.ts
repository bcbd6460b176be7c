import type { DriverBody, DriverOptions, DriverWriteOptions, ObjectInfo, StagedWrite, WriteConditions } from "@omni/core";
import { OmniError } from "@omni/core";
import type { Context } from "./context.ts";
import { statusOf } from "./errors.ts";
import { openBody, uploadParts } from "./multipart.ts";
import { customerKeyOf, draft, infoOf, nonceOf, writtenInfo } from "./objects.ts";
import { type Completed, complete } from "./publishing.ts";
import { isNoSuchUpload, removeUpload, type Upload } from "./uploads.ts";

/**
 * Takes a body to the store as an upload that is not completed. A small body too: its one part is what makes the token good for a single use.
 * That costs three requests with the commit, where a plain write costs one.
 */
export async function stage(context: Context, path: string, body: DriverBody, options: DriverWriteOptions): Promise<StagedWrite> {
  const made = draft(context.settings, path, options);
  const upload = await uploadParts(context, made, await openBody(context, body, made));
  return handle(context, upload, "staged", (answer) => writtenInfo(made, upload.size, upload.crc32c, answer), options);
}

/** Finds an upload again, in whatever state it is. */
export async function resumeStage(context: Context, path: string, token: string, { signal }: DriverOptions): Promise<StagedWrite> {
  const upload = readToken(path, token);
  if (await isThere(context, upload, signal)) return handle(context, upload, "staged", undefined, {});
  const info = await committed(context, upload, signal);
  return handle(context, upload, info === undefined ? "gone" : "committed", undefined, {}, info);
}

async function isThere(context: Context, upload: Upload, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await context.send("ListParts", { Key: context.key(upload.path), UploadId: upload.uploadId, MaxParts: 1 }, signal);
    return true;
  } catch (error) {
    if (isNoSuchUpload(error)) return false;
    throw error;
  }
}

/** The info of the object, when it is this upload's. */
async function committed(
  { send, key, settings }: Context,
  upload: Upload,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
  try {
    const checksum = settings.profile.checksum === "none" ? {} : ({ ChecksumMode: "ENABLED" } as const);
    const shown = await send("HeadObject", { Key: key(upload.path), ...checksum, ...customerKeyOf(settings) }, signal);
    return nonceOf(shown) === upload.nonce ? infoOf(upload.path, shown) : undefined;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function handle(
  context: Context,
  upload: Upload,
  state: StagedWrite["state"],
  describe: ((answer: Completed) => ObjectInfo) | undefined,
  conditions: WriteConditions,
  known?: ObjectInfo,
): StagedWrite {
  let published = state === "committed" ? known : undefined;
  let withdrawn = false;
  const { stagedForMs } = context.settings.profile;
  return {
    token: writeToken(upload),
    state,
    ...(stagedForMs === undefined ? {} : { expiresAt: new Date(Date.now() + stagedForMs) }),
    async commit(options = {}) {
      if (published) return published;
      const { ifNoneMatch, ifMatch } = (options.ifNoneMatch ?? options.ifMatch) ? options : conditions;
      const answer = await complete(context, upload, { ifNoneMatch, ifMatch }, options.signal);
      published = describe && !withdrawn ? describe(answer) : await shownBy(context, upload, answer, options.signal);
      return published;
    },
    async discard({ signal } = {}) {
      withdrawn = true;
      await removeUpload(context, context.key(upload.path), upload.uploadId, false, signal);
    },
  };
}

// A store may call the completion of an upload that is gone a success: the object has the last word.
async function shownBy(context: Context, upload: Upload, answer: Completed, signal: AbortSignal | undefined): Promise<ObjectInfo> {
  const info = await committed(context, upload, signal);
  if (info !== undefined) return info;
  const reason = `the store says that the staged write is committed (${answer.ETag ?? "no etag"}), and the object is another's: it was gone, or was replaced at once`;
  throw new OmniError("NOT_FOUND", { reason, outcome: "unknown" });
}

/** A token: version, nonce, length, parts, checksum and the store's own name of the upload. */
function writeToken({ nonce, size, partCount, crc32c, uploadId }: Upload): string {
  return ["1", nonce, size.toString(36), partCount.toString(36), crc32c ?? "", Buffer.from(uploadId).toString("base64url")].join(
    ".",
  );
}

function readToken(path: string, token: string): Upload {
  const [version, nonce, size, parts, crc32c, id, ...more] = token.split(".");
  const upload = { path, nonce: nonce ?? "", size: Number.parseInt(size ?? "", 36), partCount: Number.parseInt(parts ?? "", 36) };
  const uploadId = Buffer.from(id ?? "", "base64url").toString();
  if (
    version !== "1" ||
    more.length > 0 ||
    upload.nonce === "" ||
    Number.isNaN(upload.size) ||
    Number.isNaN(upload.partCount) ||
    uploadId === ""
  )
    throw new OmniError("INVALID_ARGUMENT", {
      reason: "this is no token of a staged write at S3; give the string that stage() gave",
      outcome: "not-applied",
    });
  return { ...upload, uploadId, crc32c: crc32c === "" ? undefined : crc32c };
}
