import { randomUUID } from "node:crypto";
import { type Backend, digestOf, type ObjectInfo, OmniError, type SignedUrl, type SignUrlOptions } from "@omni/core";
import type { CloudSet } from "./cloud-set.ts";
import { bareType } from "./content.ts";
import { checkNames, invalid, unsupported } from "./errors.ts";
import { pathOf, withdraw } from "./inserting.ts";
import { isSignature, signature, signLocally, storeOf } from "./local-signing.ts";
import { atLocation, type ObjectRef } from "./locating.ts";
import { choose } from "./routing.ts";
import type { Slot } from "./slot.ts";
import type { StoredObject } from "./stored-object.ts";
import { type FactOptions, spokenFacts } from "./upload.ts";

/** What `url` takes. */
export interface UrlOptions {
  /** Seconds until the URL stops working. @default 900 */
  readonly expiresInSeconds?: number | undefined;
  /** Let a browser save it under its filename instead of showing it. @default false */
  readonly download?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `signUpload` takes: what rules look at, and what the upload must keep to. */
export interface SignUploadOptions extends FactOptions {
  /**
   * PUT sends the bytes as they are, POST is a browser's form. @default "PUT" where `sizeBytes` says the length or there is no limit, else "POST"
   */
  readonly method?: "PUT" | "POST" | undefined;
  /** Seconds until it stops working. @default 900 */
  readonly expiresInSeconds?: number | undefined;
  /** Fewest bytes. @default 0 */
  readonly minBytes?: number | undefined;
  /** Most bytes. @default none */
  readonly maxBytes?: number | undefined;
  /** Text that travels with the object, from `confirm` on. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A signed upload: what the sender needs, and what `confirm` needs afterwards. */
export interface SignedUpload<N extends string = string> extends SignedUrl {
  /** Where the file will be. */
  readonly cloud: N;
  readonly path: string;
  readonly id: string;
  /** To be given to `confirm` when the upload is done; may travel by the sender, who cannot change it. */
  readonly ticket: string;
}

/** What `confirm` takes. */
export interface ConfirmOptions {
  /**
   * `"store"`: the strongest digest that the store states, `null` where it states none; `"read"`: sha256, for which the content is read once.
   * @default "store"
   */
  readonly digest?: "store" | "read" | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a ticket carries. */
interface Ticket {
  readonly object: StoredObject;
  readonly type?: string | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A URL under which anybody can read the object for a while. @throws OmniError NOT_SUPPORTED, INVALID_ARGUMENT */
export function url(set: CloudSet, ref: ObjectRef, options: UrlOptions): Promise<string> {
  checkNames("url", "url", options, ["expiresInSeconds", "download", "signal"]);
  const { expiresInSeconds, download = false, signal } = options;
  return atLocation(set, "url", ref, async (backend, object) => {
    // A signature asks no store: without a look a URL of a moved object would lead nowhere.
    if (set.catalogue) await backend.stat(object.path, { signal });
    const signed = await sign(set, set.slot("url", object.cloud), backend, object.path, {
      expiresInSeconds,
      signal,
      ...(download ? { responseContentDisposition: attachment(object.filename) } : {}),
    });
    return signed.url;
  });
}

/** RFC 6266, with the plain form for old browsers. */
function attachment(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

async function sign(set: CloudSet, slot: Slot, backend: Backend, path: string, options: SignUrlOptions): Promise<SignedUrl> {
  if (backend.supports("signUrl")) return backend.signUrl(path, options);
  const { baseUrl } = slot.definition;
  if (baseUrl === undefined)
    throw unsupported(
      "signUrl",
      `"${slot.name}" (${backend.driver.scheme}) signs no URLs itself; give the cloud a baseUrl and serve it with the router of @omni/cloud/dev`,
    );
  return signLocally(
    { secret: set.family.secret, nowMs: set.family.clock.now(), baseUrl, cloud: slot.name },
    backend,
    path,
    options,
  );
}

/**
 * Lets somebody upload one file straight to a cloud.
 *
 * @param only the cloud that the caller named; `undefined` = by route, from what `options` say of the file
 * @throws OmniError NOT_SUPPORTED when the store cannot hold the upload to these limits
 */
export async function signUpload(set: CloudSet, options: SignUploadOptions, only?: string): Promise<SignedUpload> {
  const { method: given, expiresInSeconds, minBytes, maxBytes, metadata = {}, signal, ...spoken } = options;
  const facts = await spokenFacts(set, "signUpload", spoken);
  const choice = only === undefined ? await choose(set, facts) : undefined;
  const slot = choice ? (choice.slots[0] as Slot) : set.slot("signUpload", only as string);
  const id = randomUUID();
  const path = pathOf(slot, facts.prefix, id, facts.filename);
  const [min, max] = spoken.sizeBytes === undefined ? [minBytes, maxBytes] : [spoken.sizeBytes, spoken.sizeBytes];
  if (
    spoken.sizeBytes !== undefined &&
    (spoken.sizeBytes < (minBytes ?? 0) || spoken.sizeBytes > (maxBytes ?? Number.POSITIVE_INFINITY))
  )
    throw invalid("signUpload", `sizeBytes (${spoken.sizeBytes}) is outside of minBytes and maxBytes`);
  const method = given ?? (min === max ? "PUT" : "POST");
  const backend = await slot.backend();
  const type = spoken.contentType;
  const signed = await sign(set, slot, backend, path, {
    method,
    expiresInSeconds,
    contentType: type,
    minBytes: min,
    maxBytes: max,
    signal,
  });
  const now = new Date(set.family.clock.now()).toISOString();
  const object: StoredObject = {
    id,
    filename: facts.filename,
    path,
    cloud: slot.name,
    contentType: facts.contentType,
    size: facts.size ?? 0,
    region: slot.definition.region ?? facts.region ?? null,
    digest: null,
    metadata,
    createdAt: now,
    updatedAt: now,
    ...(choice?.residency ? { residency: choice.residency } : {}),
  };
  return { ...signed, cloud: slot.name, path, id, ticket: ticketOf(set, backend, { object, type, min, max }) };
}

function ticketOf(set: CloudSet, backend: Backend, ticket: Ticket): string {
  const text = Buffer.from(JSON.stringify(ticket)).toString("base64url");
  return `${text}.${signature(set.family.secret, "ticket", storeOf(backend), text)}`;
}

/**
 * Takes in a file that somebody uploaded by `signUpload`: looks whether it is there and keeps to what was signed. One that does not is deleted.
 *
 * @throws OmniError INVALID_ARGUMENT for a ticket that is not ours, TOO_LARGE, NOT_FOUND while nothing was uploaded
 */
export async function confirm(set: CloudSet, ticket: string, options: ConfirmOptions): Promise<StoredObject> {
  checkNames("confirm", "confirm", options, ["digest", "signal"]);
  const { digest = "store", signal } = options;
  const { signed, backend } = await readTicket(set, ticket);
  const { object } = signed;
  const info = await backend.stat(object.path, { signal });
  const broken = violation(signed, info);
  if (broken) {
    await withdraw(set, object);
    throw broken;
  }
  const kept = Object.keys(object.metadata).length > 0 && backend.features.customMetadata && backend.supports("setMetadata");
  if (kept) await backend.setMetadata(object.path, { metadata: object.metadata }, { signal });
  const confirmed: StoredObject = {
    ...object,
    contentType: info.contentType ?? object.contentType,
    size: info.size,
    digest: digest === "read" ? await digestByReading(backend, object.path, signal) : statedDigest(info),
    updatedAt: new Date(set.family.clock.now()).toISOString(),
  };
  return (await alreadyConfirmed(set, confirmed)) ?? confirmed;
}

/** Adds the row; where it is there already, an answer was lost and the sender asks again. */
async function alreadyConfirmed(set: CloudSet, confirmed: StoredObject): Promise<StoredObject | undefined> {
  try {
    await set.catalogue?.insert(confirmed);
    return undefined;
  } catch (error) {
    const row = OmniError.is(error, "ALREADY_EXISTS") ? await set.catalogue?.get(confirmed.id) : undefined;
    if (row?.path === confirmed.path && row.cloud === confirmed.cloud) return row;
    throw error;
  }
}

async function readTicket(set: CloudSet, ticket: string): Promise<{ signed: Ticket; backend: Backend }> {
  const [text = "", given = ""] = String(ticket).split(".");
  const foreign = invalid(
    "confirm",
    "the ticket is not one of these clouds; give the one that signUpload returned, in the same scope and with the same secret",
  );
  let signed: Ticket;
  try {
    signed = JSON.parse(Buffer.from(text, "base64url").toString()) as Ticket;
  } catch {
    throw foreign;
  }
  // The name only finds the key's other half: nothing of the ticket is believed before the signature is good.
  const slot = set.slots.get(String(signed?.object?.cloud));
  if (!slot) throw foreign;
  const backend = await slot.backend();
  if (!isSignature(given, signature(set.family.secret, "ticket", storeOf(backend), text))) throw foreign;
  return { signed, backend };
}

function violation({ object, type, min = 0, max = Number.POSITIVE_INFINITY }: Ticket, info: ObjectInfo): OmniError | undefined {
  const context = { backend: object.cloud, operation: "confirm", path: object.path };
  if (info.size > max)
    return new OmniError("TOO_LARGE", { ...context, reason: `${info.size} bytes came, at most ${max} were allowed` });
  if (info.size < min)
    return new OmniError("INVALID_ARGUMENT", { ...context, reason: `${info.size} bytes came, at least ${min} were asked for` });
  if (type !== undefined && info.contentType !== undefined && bareType(info.contentType) !== bareType(type))
    return new OmniError("INVALID_ARGUMENT", { ...context, reason: `it came as ${info.contentType}, ${type} was asked for` });
  return undefined;
}

function statedDigest({ hashes }: ObjectInfo): string | null {
  const algorithm = (["sha256", "sha1", "md5", "crc32c"] as const).find((name) => hashes?.[name]);
  return algorithm ? `${algorithm}:${hashes?.[algorithm]}` : null;
}

async function digestByReading(backend: Backend, path: string, signal: AbortSignal | undefined): Promise<string> {
  const reader = await backend.read(path, { signal });
  try {
    return `sha256:${await digestOf("sha256", reader)}`;
  } finally {
    await reader.close();
  }
}
