import { randomUUID } from "node:crypto";
import {
  backoffMs,
  type DriverDeleteOptions,
  type DriverOptions,
  delay,
  type MetadataChange,
  type ObjectInfo,
  OmniError,
} from "@omni/core";
import { annotate, factsOf, isTransient, statusOf } from "./errors.ts";
import { decodeMetadata, encodeMetadata } from "./metadata.ts";
import {
  type Context,
  type Draft,
  defined,
  descriptionOfCopy,
  FIELDS,
  generationOf,
  infoOf,
  objectPath,
  type Resource,
  resourceOf,
} from "./objects.ts";
import { isMissing, outcomeOf, stat, withOutcome } from "./reading.ts";
import { untilKnown } from "./uploading.ts";

/** The object that a rewrite reads, pinned. */
export interface Source {
  readonly key: string;
  readonly generation: string;
  readonly metageneration?: string | undefined;
}

interface RewriteAnswer {
  readonly done?: boolean;
  readonly rewriteToken?: string;
  readonly resource?: Resource;
}

/** Copies within the store, call by call until the store says that it is done: https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite */
export async function rewrite(context: Context, source: Source, made: Draft, signal: AbortSignal | undefined): Promise<Resource> {
  const { settings, wire } = context;
  let rewriteToken: string | undefined;
  return untilKnown(context, made, signal, async () => {
    while (true) {
      const { text } = await wire.send(
        {
          operation: "objects.rewrite",
          method: "POST",
          path: `${objectPath(context, source.key)}/rewriteTo/b/${settings.bucket}/o/${encodeURIComponent(made.key)}`,
          query: {
            ifSourceGenerationMatch: source.generation,
            ifSourceMetagenerationMatch: source.metageneration,
            ifGenerationMatch: made.over,
            maxBytesRewrittenPerCall: settings.rewriteBytesPerCall,
            rewriteToken,
            fields: `done,rewriteToken,resource(${FIELDS})`,
          },
          headers: { "content-type": "application/json; charset=UTF-8" },
          body: [Buffer.from(JSON.stringify(made.description))],
          effect: "single",
        },
        signal,
      );
      const answer = JSON.parse(text) as RewriteAnswer;
      if (answer.done && answer.resource !== undefined) return answer.resource;
      if (answer.done || !answer.rewriteToken)
        throw new OmniError("UNKNOWN", { reason: "the store neither ended a copy nor said how to go on", outcome: "unknown" });
      rewriteToken = answer.rewriteToken;
    }
  });
}

/** Copies within the store; the source is pinned by its generation. */
export async function copy(context: Context, from: string, to: string, { signal }: DriverOptions): Promise<ObjectInfo> {
  return infoOf(to, await copyOf(context, await source(context, from, signal), from, to, signal));
}

/** Copies, then deletes the source if it is still what was copied. */
export async function move(context: Context, from: string, to: string, { signal }: DriverOptions): Promise<ObjectInfo> {
  const read = await source(context, from, signal);
  const copied = await copyOf(context, read, from, to, signal);
  try {
    await deleteKey(context, read.name, read.generation, signal);
  } catch (error) {
    if (isMissing(error)) return infoOf(to, copied);
    // The copy is there, whatever became of the source.
    throw statusOf(error) === 412 ? sourceChanged(from, error) : withOutcome(error, "unknown", signal);
  }
  return infoOf(to, copied);
}

async function source(context: Context, path: string, signal: AbortSignal | undefined): Promise<Resource> {
  try {
    return await stat(context, context.key(path), signal);
  } catch (error) {
    throw withOutcome(error, "not-applied", signal);
  }
}

async function copyOf(
  context: Context,
  read: Resource,
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<Resource> {
  const nonce = randomUUID();
  const made = { key: context.key(to), nonce, description: descriptionOfCopy(read, nonce), over: undefined };
  try {
    return await rewrite(context, { key: read.name, generation: read.generation }, made, signal);
  } catch (error) {
    throw statusOf(error) === 412 ? sourceChanged(from, error, outcomeOf(error)) : error;
  }
}

function sourceChanged(path: string, cause: unknown, outcome: "not-applied" | "unknown" = "unknown"): OmniError {
  const reason = `${JSON.stringify(path)} changed while it was copied; it was kept`;
  return new OmniError("PRECONDITION_FAILED", { reason, outcome, cause });
}

/** Deletes what is at a key, only one generation of it where that is given. */
export async function deleteKey(
  context: Context,
  key: string,
  generation: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  await context.wire.send(
    {
      operation: "objects.delete",
      method: "DELETE",
      path: objectPath(context, key),
      query: { ifGenerationMatch: generation },
      effect: "repeatable",
    },
    signal,
  );
}

/** How often metadata that others change at the same time is changed again. */
const ROUNDS = 8;

/** Changes what describes an object; bytes and generation stay. */
export async function setMetadata(
  context: Context,
  path: string,
  change: MetadataChange,
  { signal, ifMatch }: DriverDeleteOptions,
): Promise<ObjectInfo> {
  const pinned = ifMatch === undefined ? undefined : generationOf({ ifMatch });
  let inDoubt = false;
  for (let round = 1; ; round++) {
    const found = await source(context, path, signal);
    if (pinned !== undefined && found.generation !== pinned)
      throw new OmniError("PRECONDITION_FAILED", { outcome: inDoubt ? "unknown" : "not-applied" });
    try {
      return infoOf(path, await patch(context, found, patchOf(found, change), signal));
    } catch (error) {
      if (signal?.aborted || OmniError.is(error)) throw inDoubt ? withOutcome(error, "unknown", signal) : error;
      inDoubt ||= outcomeOf(error) === "unknown";
      const outcome = inDoubt ? "unknown" : "not-applied";
      if (round === ROUNDS || !(statusOf(error) === 412 || isTransient(error)))
        throw annotate(error, { ...factsOf(error), outcome });
      await delay(backoffMs(round), undefined, signal);
    }
  }
}

/** Changes the description of a version of an object, if nobody else did since. */
export async function patch(context: Context, found: Resource, body: object, signal: AbortSignal | undefined): Promise<Resource> {
  const request = {
    operation: "objects.patch",
    method: "PATCH",
    path: objectPath(context, found.name),
    query: { ifGenerationMatch: found.generation, ifMetagenerationMatch: found.metageneration, fields: FIELDS },
    headers: { "content-type": "application/json; charset=UTF-8" },
    body: [Buffer.from(JSON.stringify(body))],
    effect: "single",
  } as const;
  return resourceOf((await context.wire.send(request, signal)).text);
}

function patchOf(found: Resource, change: MetadataChange): object {
  const { contentType, cacheControl, contentEncoding, contentDisposition } = change;
  const { metadata, ...fields } = decodeMetadata(found.metadata);
  const wanted = encodeMetadata(change.metadata ?? metadata, { ...fields, modifiedAt: change.modifiedAt ?? fields.modifiedAt });
  // A patch keeps what it does not name; null takes away.
  const dropped = Object.keys(found.metadata ?? {}).filter((key) => !(key in wanted));
  return {
    ...defined({ contentType, cacheControl, contentEncoding, contentDisposition }),
    metadata: { ...wanted, ...Object.fromEntries(dropped.map((key) => [key, null])) },
  };
}
