import type { Readable } from "node:stream";
import { collect } from "./body.ts";
import { nodeStream } from "./builtins.ts";
import type { Clock } from "./clock.ts";
import type { DriverRead } from "./driver.ts";
import { OmniError } from "./error.ts";
import type { ObjectInfo } from "./object-info.ts";
import type { ObjectReader } from "./reader.ts";

/** What a reader needs of the backend that opened it. */
export interface ReaderSettings {
  readonly clock: Clock;
  readonly wrap: (error: unknown) => OmniError;
  /** Opens the rest of the body after it broke off; absent where it cannot be resumed. */
  readonly reopen?: ((received: number) => Promise<DriverRead>) | undefined;
  readonly resumeAttempts: number;
  readonly idleTimeoutMs?: number | undefined;
  /** Bytes that the body must have; `undefined` where nobody knows. */
  readonly expectedBytes?: number | undefined;
  /** Called once when the reader needs nothing any more. */
  readonly onEnd: () => void;
}

type Step = IteratorResult<Uint8Array, undefined>;
const DONE: Step = { done: true, value: undefined };

/** The bytes of one open object: counted, watched for stalls, resumed where they broke off. */
export class BodyReader implements ObjectReader, AsyncIterableIterator<Uint8Array> {
  readonly info: ObjectInfo;
  readonly sizeBytes: number | undefined;
  readonly #settings: ReaderSettings;
  #body: AsyncIterator<Uint8Array>;
  #received = 0;
  #attempts: number;
  #state: "new" | "taken" | "ended" | "closed" = "new";
  #pending: ((step: Step) => void) | undefined;
  #stop: ((reason: unknown) => void) | undefined;
  #stopped: { readonly reason: unknown } | undefined;

  constructor(opened: DriverRead, settings: ReaderSettings) {
    this.info = opened.info;
    this.sizeBytes = settings.expectedBytes;
    this.#settings = settings;
    this.#attempts = settings.resumeAttempts;
    this.#body = opened.body[Symbol.asyncIterator]();
    if (opened.extras) Object.defineProperties(this, Object.getOwnPropertyDescriptors(opened.extras));
  }

  [Symbol.asyncIterator](): this {
    if (this.#state === "closed") throw this.#closed("the reader is closed");
    if (this.#state !== "new") throw this.#closed("the bytes were taken already; open the object again");
    this.#state = "taken";
    return this;
  }

  next(): Promise<Step> {
    if (this.#stopped) return Promise.reject(this.#stopped.reason);
    if (this.#state === "ended" || this.#state === "closed") return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#pending = resolve;
      this.#stop = reject;
      this.#pull(resolve, reject);
    });
  }

  async return(): Promise<Step> {
    await this.close();
    return DONE;
  }

  async close(): Promise<void> {
    if (this.#state === "closed" || this.#state === "ended") return;
    this.#end("closed");
    const waiting = this.#pending;
    const returned = this.#body.return?.();
    if (!waiting) await returned;
    else {
      // A body that is being pulled may answer only when its store does: the reader does not wait for it.
      returned?.catch(() => {});
      waiting(DONE);
    }
  }

  /** Ends the reader with an error, at once. */
  stop(reason: unknown): void {
    if (this.#state === "closed" || this.#state === "ended") return;
    this.#stopped = { reason };
    this.#end("closed");
    this.#body.return?.().catch(() => {}); // `reason` is what the reader ends with
    this.#stop?.(reason);
  }

  bytes(): Promise<Uint8Array> {
    return collect(this);
  }

  async text(): Promise<string> {
    const bytes = await this.bytes();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  }

  async json<T = unknown>(): Promise<T> {
    return JSON.parse(await this.text()) as T;
  }

  toNode(): Readable {
    return nodeStream().Readable.from(this, { objectMode: false });
  }

  toWeb(): ReadableStream<Uint8Array> {
    return ReadableStream.from(this) as ReadableStream<Uint8Array>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #pull(resolve: (step: Step) => void, reject: (reason: unknown) => void): void {
    const { idleTimeoutMs, clock } = this.#settings;
    const body = this.#body;
    let timer: unknown;
    let over = false;
    const fail = (error: unknown): void => {
      if (over) return;
      over = true;
      clock.clearTimeout(timer);
      this.#breakOff(error, resolve, reject);
    };
    if (idleTimeoutMs !== undefined)
      timer = clock.setTimeout(() => {
        body.return?.().catch(() => {}); // a stalled body may never answer; TIMEOUT is what counts
        fail(new OmniError("TIMEOUT", { reason: `no byte for ${idleTimeoutMs} ms` }));
      }, idleTimeoutMs);
    body.next().then((step) => {
      if (over) return;
      over = true;
      clock.clearTimeout(timer);
      if (this.#state === "closed") return;
      if (step.done) this.#finish(resolve, reject);
      else {
        this.#received += step.value.byteLength;
        this.#pending = undefined;
        resolve(step);
      }
    }, fail);
  }

  #finish(resolve: (step: Step) => void, reject: (reason: unknown) => void): void {
    const { expectedBytes } = this.#settings;
    if (expectedBytes !== undefined && this.#received !== expectedBytes) {
      const reason = `the body ended after ${this.#received} of ${expectedBytes} bytes`;
      this.#breakOff(new OmniError("UNAVAILABLE", { reason }), resolve, reject);
      return;
    }
    this.#end("ended");
    resolve(DONE);
  }

  #breakOff(cause: unknown, resolve: (step: Step) => void, reject: (reason: unknown) => void): void {
    if (this.#state === "closed") return;
    const { reopen, wrap, expectedBytes } = this.#settings;
    const error = wrap(cause);
    const more = expectedBytes === undefined || this.#received < expectedBytes;
    if (!reopen || this.#attempts === 0 || !error.retryable || !more) {
      this.#fail(error, reject);
      return;
    }
    this.#attempts--;
    reopen(this.#received).then(
      (opened) => {
        if (this.#state === "closed") return void opened.body[Symbol.asyncIterator]().return?.();
        this.#body = opened.body[Symbol.asyncIterator]();
        this.#pull(resolve, reject);
      },
      (again) => this.#breakOff(again, resolve, reject),
    );
  }

  #fail(error: unknown, reject: (reason: unknown) => void): void {
    this.#stopped = { reason: error };
    this.#end("closed");
    reject(error);
  }

  #end(state: "ended" | "closed"): void {
    this.#state = state;
    this.#settings.onEnd();
  }

  #closed(reason: string): OmniError {
    return new OmniError("READER_CLOSED", { operation: "read", path: this.info.path, reason });
  }
}
