import { randomUUID } from "node:crypto";
import type { Progress } from "@omni/core";
import type { CloudSet } from "./cloud-set.ts";
import { effectiveType, SNIFF_BYTES, sniff } from "./content.ts";
import { checkNames, invalid } from "./errors.ts";
import { baseName } from "./filename.ts";
import { Replay } from "./replay.ts";
import { largestBound, type UploadFacts } from "./rules.ts";
import { type OpenedSource, openSource, type UploadSource } from "./source.ts";

/** What rules may know of an upload. */
export interface FactOptions {
  /** @default the source's own name, else "file" */
  readonly filename?: string | undefined;
  /** What the caller says that it is; what the bytes show is more. */
  readonly contentType?: string | undefined;
  /** Bytes, where the source does not know; one that is shorter or longer is an error. */
  readonly sizeBytes?: number | undefined;
  /** Folder, within the cloud's own. */
  readonly prefix?: string | undefined;
  readonly region?: string | undefined;
  readonly tenant?: string | undefined;
  /** Anything else that rules look at. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /** What `percentage` is taken of. @default prefix and filename */
  readonly key?: string | undefined;
}

/** What an insert takes beside its source. */
export interface InsertOptions extends FactOptions {
  /** @default a random UUID */
  readonly id?: string | undefined;
  /** Text that travels with the object. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly cacheControl?: string | undefined;
  readonly contentDisposition?: string | undefined;
  /** Told as bytes are taken from the source. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that one try at one cloud may take. @default the cloud's `timeoutMs` */
  readonly timeoutMs?: number | undefined;
}

const FACTS = ["filename", "contentType", "sizeBytes", "prefix", "region", "tenant", "attributes", "key"] as const;
const INSERT = [...FACTS, "id", "metadata", "cacheControl", "contentDisposition", "onProgress", "signal", "timeoutMs"] as const;

/** An upload that was looked at: its facts, and its bytes, to be sent. */
export interface Upload {
  readonly id: string;
  readonly facts: UploadFacts;
  readonly metadata: Readonly<Record<string, string>>;
  readonly replay: Replay;
}

/**
 * Looks at an upload: its name, type and size, as far as the first bytes tell.
 *
 * @throws OmniError INVALID_ARGUMENT, NOT_FOUND
 */
export async function openUpload(set: CloudSet, source: UploadSource, options: InsertOptions): Promise<Upload> {
  checkNames("insert", "insert", options, INSERT);
  const id = checkId(options.id);
  const opened = await openSource(source);
  const replay = new Replay(opened, opened.repeatable ? 0 : set.family.replayBytes);
  try {
    const { head, complete } = await replay.peek(peekBytes(set, opened, options));
    const size = opened.size ?? options.sizeBytes ?? (complete ? head.byteLength : undefined);
    const facts = await factsOf(set, { ...options, filename: options.filename ?? opened.filename }, opened.contentType, head, size);
    return { id, facts, metadata: { ...opened.metadata, ...options.metadata }, replay };
  } catch (error) {
    await replay.close();
    throw error;
  }
}

/** The facts of an upload that is only spoken of. @throws OmniError INVALID_ARGUMENT */
export function spokenFacts(set: CloudSet, operation: string, options: FactOptions): Promise<UploadFacts> {
  checkNames(operation, operation, options, FACTS);
  return factsOf(set, options, undefined, new Uint8Array(), options.sizeBytes);
}

/** As much as the detection of the type needs, and as settles the size that rules ask for. */
function peekBytes(set: CloudSet, opened: OpenedSource, { sizeBytes }: FactOptions): number {
  if (opened.size !== undefined || sizeBytes !== undefined) return SNIFF_BYTES;
  return Math.max(SNIFF_BYTES, Math.min(largestBound(set.routing.rules) + 1, set.family.replayBytes));
}

async function factsOf(
  set: CloudSet,
  options: FactOptions,
  sourceType: string | undefined,
  head: Uint8Array,
  size: number | undefined,
): Promise<UploadFacts> {
  const filename = baseName(options.filename ?? "") || "file";
  const declaredType = options.contentType ?? sourceType;
  const sniffedType = await sniff(head);
  const prefix = checkPrefix(options.prefix);
  return {
    filename,
    contentType: effectiveType(sniffedType, declaredType, filename),
    declaredType,
    sniffedType,
    size,
    prefix,
    region: options.region ?? set.facts.region,
    tenant: options.tenant ?? set.facts.tenant,
    attributes: { ...set.facts.attributes, ...options.attributes },
    key: options.key ?? (prefix ? `${prefix}/${filename}` : filename),
  };
}

function checkPrefix(prefix: string | undefined): string | undefined {
  if (prefix === undefined) return undefined;
  if (typeof prefix === "string") {
    const bare = prefix.replace(/^\/+|\/+$/g, "");
    if (!bare.split("/").some((part) => part === "." || part === "..")) return bare;
  }
  throw invalid("insert", `prefix is a folder, such as "avatars", not ${JSON.stringify(prefix)}`);
}

function checkId(id: string | undefined): string {
  if (id === undefined) return randomUUID();
  if (typeof id === "string" && /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(id)) return id;
  throw invalid("insert", `an id is 1 to 128 letters, digits, "_", "-" and ".", not ${JSON.stringify(id)}`);
}
