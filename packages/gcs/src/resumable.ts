import { backoffMs, createHasher, delay, type Hasher, OmniError } from "@omni/core";
import { isTransient, mayHaveApplied, statusOf } from "./errors.ts";
import { base64Of, type Context, type Draft, FIELDS, type Resource, resourceOf } from "./objects.ts";
import type { Answer } from "./wire.ts";

/** Milliseconds that a cancelled session is waited for. */
const CANCEL_MS = 5_000;

/**
 * A session of a resumable upload: bytes go to the store chunk by chunk and the object appears with the last one. After a request that failed the
 * store is asked how far it got. Sessions that are left alone end after a week and cost nothing.
 *
 * https://cloud.google.com/storage/docs/performing-resumable-uploads
 */
export class ResumableUpload {
  readonly #context: Context;
  readonly #path: string;
  readonly #query: Readonly<Record<string, string>>;
  readonly #hasher: Hasher = createHasher("crc32c");
  #size = 0;
  #crc32c = "";
  #mayBeFinished = false;
  #isInDoubt = false;

  private constructor(context: Context, location: URL) {
    this.#context = context;
    this.#path = location.pathname;
    this.#query = Object.fromEntries(location.searchParams);
  }

  /** Begins an upload. The conditions are evaluated here and again at the end. */
  static async begin(context: Context, made: Draft, signal: AbortSignal | undefined): Promise<ResumableUpload> {
    const { settings, wire } = context;
    const { headers } = await wire.send(
      {
        operation: "objects.insert",
        method: "POST",
        path: `/upload/storage/v1/b/${settings.bucket}/o`,
        query: { uploadType: "resumable", name: made.key, ifGenerationMatch: made.over, fields: FIELDS },
        headers: {
          "content-type": "application/json; charset=UTF-8",
          "x-upload-content-type": made.description.contentType ?? "application/octet-stream",
        },
        body: [Buffer.from(JSON.stringify({ name: made.key, ...made.description }))],
        // A session that nobody knows of is nothing.
        effect: "repeatable",
      },
      signal,
    );
    if (!headers.location) throw new OmniError("UNKNOWN", { reason: "the store began an upload without naming it" });
    const location = new URL(headers.location, settings.endpoint);
    const root = new URL(settings.endpoint).pathname.replace(/\/$/, "");
    // Only the path counts: the endpoint may be a proxy that the store knows nothing of.
    if (root !== "" && location.pathname.startsWith(`${root}/`)) location.pathname = location.pathname.slice(root.length);
    return new ResumableUpload(context, location);
  }

  /** Whether the request that makes the object visible was begun. */
  get mayBeFinished(): boolean {
    return this.#mayBeFinished;
  }

  /** Whether that request was left without an answer at least once. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  /** Checksum of all bytes, base64, after `finish`. */
  get crc32c(): string {
    return this.#crc32c;
  }

  /** Sends a chunk whose length is a multiple of 256 KiB. */
  async append(chunk: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    this.#hasher.update(chunk);
    const start = this.#size;
    this.#size += chunk.byteLength;
    await this.#deliver(chunk, start, "*", {}, signal);
  }

  /** Sends the last bytes, perhaps none; the object appears. */
  async finish(chunk: Uint8Array, signal: AbortSignal | undefined): Promise<Resource> {
    this.#hasher.update(chunk);
    this.#crc32c = base64Of(this.#hasher.digest());
    const start = this.#size;
    this.#size += chunk.byteLength;
    signal?.throwIfAborted();
    this.#mayBeFinished = true;
    const hash = { "x-goog-hash": `crc32c=${this.#crc32c}` };
    const text = await this.#deliver(chunk, start, String(this.#size), hash, signal);
    return resourceOf(text);
  }

  /** Ends the session; true when the store says that it made no object. Errors mean that it ends by itself. */
  async cancel(): Promise<boolean> {
    const request = {
      operation: "objects.insert",
      method: "DELETE",
      path: this.#path,
      query: this.#query,
      accepts: [499],
      effect: "repeatable",
    } as const;
    try {
      const { status } = await this.#context.wire.send(request, AbortSignal.timeout(CANCEL_MS));
      return status === 499;
    } catch {
      // Nothing is lost: the caller is told of what came first, and the store forgets the session after a week.
      return false;
    }
  }

  /** Sends bytes until the store has them all; gives the answer's text where that is the object. */
  async #deliver(
    chunk: Uint8Array,
    start: number,
    total: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const end = start + chunk.byteLength;
    let from = start;
    for (let tries = 1; ; ) {
      const answer = await this.#send(chunk.subarray(from - start), from, total, headers, tries, signal);
      if (answer !== undefined && answer.status !== 308) {
        if (total === "*")
          throw new OmniError("UNKNOWN", { reason: "the store ended an upload before its end", outcome: "unknown" });
        return answer.text;
      }
      const received = answer === undefined ? undefined : receivedBytes(answer);
      if (received !== undefined && (received < start || received > end))
        throw new OmniError("UNAVAILABLE", {
          reason: `the store has ${received} bytes of the upload and not ${from}: write again`,
        });
      if (received === end && total === "*") return "";
      if (tries > this.#context.settings.maxAttempts * 2)
        throw new OmniError("UNAVAILABLE", { reason: "the store takes no bytes of the upload: try again" });
      // As long as it goes on, there is no end of tries.
      tries = received !== undefined && received > from ? 1 : tries + 1;
      from = received ?? from;
    }
  }

  /** One request and, when it failed, the question how far the store is; `undefined` when that is not known yet either. */
  async #send(
    bytes: Uint8Array,
    from: number,
    total: string,
    headers: Readonly<Record<string, string>>,
    tries: number,
    signal: AbortSignal | undefined,
  ): Promise<Answer | undefined> {
    const range = bytes.byteLength === 0 ? `bytes */${total}` : `bytes ${from}-${from + bytes.byteLength - 1}/${total}`;
    try {
      return await this.#put(range, headers, [bytes], "single", signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      if (total !== "*" && mayHaveApplied(error)) this.#isInDoubt = true;
      if (!isTransient(error) || tries >= this.#context.settings.maxAttempts) throw error;
      await delay(backoffMs(tries), undefined, signal);
      return this.#ask(tries, signal);
    }
  }

  async #ask(tries: number, signal: AbortSignal | undefined): Promise<Answer | undefined> {
    try {
      return await this.#put("bytes */*", {}, [], "reads", signal);
    } catch (error) {
      if (signal?.aborted || !isTransient(error) || tries >= this.#context.settings.maxAttempts) throw error;
      return undefined;
    }
  }

  #put(
    range: string,
    headers: Readonly<Record<string, string>>,
    body: readonly Uint8Array[],
    effect: "single" | "reads",
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const request = {
      operation: "objects.insert",
      method: "PUT",
      path: this.#path,
      query: this.#query,
      headers: { ...headers, "content-range": range },
      body,
      accepts: [308],
      effect,
    } as const;
    return this.#context.wire.send(request, signal);
  }
}

// No Range header: nothing was received yet.
function receivedBytes({ headers }: Answer): number {
  const last = /-(\d+)$/.exec(headers.range ?? "")?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}

/** Whether a session is not known any more. */
export function isSessionGone(error: unknown): boolean {
  const status = statusOf(error);
  return status === 404 || status === 410;
}
