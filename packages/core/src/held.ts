import { nodeCrypto } from "./builtins.ts";
import { notSupported } from "./call-options.ts";
import type { CommitOptions, DriverBody, DriverWriteOptions, StagedWrite } from "./driver.ts";
import { OmniError } from "./error.ts";
import type { ObjectInfo } from "./object-info.ts";

type Write = (body: DriverBody, options: DriverWriteOptions) => Promise<ObjectInfo>;

/**
 * Staging for drivers that have none: the end of the body is withheld until commit. Held means only that the driver took the bytes before it;
 * they may still be in this process. The token is of no use to anybody else.
 *
 * @param write the driver's
 * @param body bytes already checked by core
 * @param options of the write; `sizeBytes` is dropped, since a driver that knows the length may publish before the end of the body
 */
export async function stageHeld(write: Write, body: DriverBody, options: DriverWriteOptions): Promise<StagedWrite> {
  const { sizeBytes: _, ...rest } = options;
  return body instanceof Uint8Array ? heldBytes(write, body, rest) : heldStream(write, body, rest);
}

/** A body that is all there is withheld whole: nothing was asked of the store yet. */
function heldBytes(write: Write, body: Uint8Array, options: DriverWriteOptions): StagedWrite {
  let result: Promise<ObjectInfo> | undefined;
  let gone = false;
  return {
    token: heldToken(),
    state: "staged",
    async commit(conditions: CommitOptions = {}) {
      if (gone) throw tokenGone();
      result ??= write(body, { ...options, ...conditions });
      return result;
    },
    async discard() {
      if (!result) gone = true;
    },
  };
}

async function heldStream(write: Write, body: AsyncIterable<Uint8Array>, options: DriverWriteOptions): Promise<StagedWrite> {
  const held = new WithheldBody(body);
  const controller = new AbortController();
  const forward = (): void => {
    held.fail(options.signal?.reason);
    controller.abort(options.signal?.reason);
  };
  options.signal?.addEventListener("abort", forward, { once: true });
  const result = write(held, { ...options, signal: controller.signal });
  const early = result.then(
    () => {
      throw new OmniError("UNKNOWN", { reason: "the driver published before its body was done", outcome: "unknown" });
    },
    (error) => {
      throw error;
    },
  );
  try {
    await Promise.race([held.drained, early]);
  } finally {
    options.signal?.removeEventListener("abort", forward);
  }
  early.catch(() => {}); // from here on `result` carries the news
  let state: "held" | "released" | "gone" = "held";
  return {
    token: heldToken(),
    state: "staged",
    async commit(conditions: CommitOptions = {}) {
      if (state === "gone") throw tokenGone();
      if (conditions.ifNoneMatch !== undefined || conditions.ifMatch !== undefined)
        throw notSupported("a held stream takes its conditions when it is staged; give ifNoneMatch or ifMatch to stage()");
      state = "released";
      held.release();
      return result;
    },
    async discard() {
      if (state !== "held") return;
      state = "gone";
      const reason = new OmniError("WRITER_CLOSED", { reason: "the staged write was discarded", outcome: "not-applied" });
      held.fail(reason);
      controller.abort(reason);
      await result.catch(() => {}); // it fails with `reason`: that is what was asked for
    },
  };
}

/** Passes a body on, one chunk behind: the last chunk, or the end of an empty body, waits for `release`. */
class WithheldBody implements AsyncIterableIterator<Uint8Array> {
  /** Resolves when the source is at its end and its last chunk is withheld; rejects with the source's error. */
  readonly drained: Promise<void>;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #released: Promise<void>;
  #drain!: { resolve: () => void; reject: (reason: unknown) => void };
  #open!: { resolve: () => void; reject: (reason: unknown) => void };
  #last: Uint8Array | undefined;
  #failed: { readonly reason: unknown } | undefined;
  #started = false;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
    this.drained = new Promise((resolve, reject) => {
      this.#drain = { resolve, reject };
    });
    this.#released = new Promise((resolve, reject) => {
      this.#open = { resolve, reject };
    });
    this.drained.catch(() => {});
    this.#released.catch(() => {});
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#failed) throw this.#failed.reason;
    if (this.#ended) return { done: true, value: undefined };
    try {
      if (!this.#started) {
        this.#started = true;
        const first = await this.#source.next();
        if (first.done) return await this.#finish();
        this.#last = first.value;
      }
      const step = await this.#source.next();
      if (step.done) return await this.#finish();
      const value = this.#last as Uint8Array;
      this.#last = step.value;
      return { done: false, value };
    } catch (error) {
      this.#drain.reject(error);
      throw this.#reasonOr(error);
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#ended) await this.#source.return?.();
    return { done: true, value: undefined };
  }

  release(): void {
    this.#open.resolve();
  }

  /** Ends the body with an error. */
  fail(reason: unknown): void {
    this.#failed ??= { reason };
    this.#drain.reject(reason);
    this.#open.reject(reason);
  }

  #reasonOr(error: unknown): unknown {
    return this.#failed ? this.#failed.reason : error;
  }

  async #finish(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#ended = true;
    this.#drain.resolve();
    await this.#released;
    const value = this.#last;
    this.#last = undefined;
    return value ? { done: false, value } : { done: true, value: undefined };
  }
}

function heldToken(): string {
  return `held:${nodeCrypto().randomUUID()}`;
}

/** The error of a commit whose staged bytes are no more. */
export function tokenGone(): OmniError {
  return new OmniError("NOT_FOUND", {
    reason: "the staged write is gone: discarded, expired, or used for another version",
    outcome: "not-applied",
  });
}
