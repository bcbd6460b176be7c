import type { WriteOptions } from "./backend.ts";
import { invalidArgument } from "./call-options.ts";
import { OmniError } from "./error.ts";
import { createHasher, type Hasher } from "./hash.ts";

/** What a write watches its source for. */
export type SourceChecks = Pick<WriteOptions, "sizeBytes" | "checksum" | "onProgress">;

/** Counts a source, and compares it with `sizeBytes` and `checksum`. */
export class SourceTally {
  readonly #checks: SourceChecks;
  readonly #hasher: Hasher | undefined;
  #bytes = 0;

  constructor(checks: SourceChecks) {
    this.#checks = checks;
    this.#hasher = checks.checksum && createHasher(checks.checksum.algorithm);
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws OmniError INVALID_ARGUMENT when the source is longer than `sizeBytes` */
  add(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    const { sizeBytes, onProgress } = this.#checks;
    if (sizeBytes !== undefined && this.#bytes > sizeBytes) throw wrongSize(this.#bytes, sizeBytes);
    this.#hasher?.update(chunk);
    onProgress?.({ bytes: this.#bytes, totalBytes: sizeBytes });
  }

  /** @throws OmniError INVALID_ARGUMENT when the source is shorter than `sizeBytes`, CHECKSUM_MISMATCH */
  end(): void {
    const { sizeBytes, checksum } = this.#checks;
    if (sizeBytes !== undefined && this.#bytes !== sizeBytes) throw wrongSize(this.#bytes, sizeBytes);
    if (checksum && this.#hasher) checkDigest(this.#hasher.digest(), checksum);
  }
}

/**
 * A source on its way to a driver: counted, compared with `sizeBytes` and `checksum` **before** it ends, so that a driver that publishes at the end
 * of its body publishes nothing wrong; and stopped from outside at once, even when the source itself does not answer.
 */
export class CheckedSource implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #tally: SourceTally;
  #stopped: { readonly reason: unknown } | undefined;
  #ended = false;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>, checks: SourceChecks) {
    this.#source = source[Symbol.asyncIterator]();
    this.#tally = new SourceTally(checks);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#tally.bytes;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#stopped) return Promise.reject(this.#stopped.reason);
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#source.next().then((step) => {
        try {
          resolve(step.done ? this.#end() : this.#take(step.value));
        } catch (error) {
          this.stop(error);
        }
      }, reject);
    });
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#stopped && !this.#ended) await this.#source.return?.();
    return { done: true, value: undefined };
  }

  /** Ends the body with an error, now. */
  stop(reason: unknown): void {
    if (this.#stopped || this.#ended) return;
    this.#stopped = { reason };
    this.#reject?.(reason);
    // The reason above is what the write fails with; what the abandoned source says to its own end concerns nobody any more.
    this.#source.return?.().catch(() => {});
  }

  #take(chunk: Uint8Array): IteratorResult<Uint8Array, undefined> {
    this.#tally.add(chunk);
    return { done: false, value: chunk };
  }

  #end(): IteratorResult<Uint8Array, undefined> {
    this.#tally.end();
    this.#ended = true;
    return { done: true, value: undefined };
  }
}

/** The same checks for a body that is all there. */
export function checkBytes(body: Uint8Array, { sizeBytes, checksum, onProgress }: SourceChecks): void {
  if (sizeBytes !== undefined && body.byteLength !== sizeBytes) throw wrongSize(body.byteLength, sizeBytes);
  if (checksum) {
    const hasher = createHasher(checksum.algorithm);
    hasher.update(body);
    checkDigest(hasher.digest(), checksum);
  }
  onProgress?.({ bytes: body.byteLength, totalBytes: body.byteLength });
}

function wrongSize(bytes: number, sizeBytes: number): OmniError {
  const ended = bytes < sizeBytes ? `ended after ${bytes}` : `has more than`;
  return invalidArgument(
    `the source ${ended} ${bytes < sizeBytes ? "of " : ""}${sizeBytes} bytes; give the right sizeBytes, or none`,
  );
}

function checkDigest(digest: string, checksum: NonNullable<WriteOptions["checksum"]>): void {
  if (digest === checksum.value) return;
  throw new OmniError("CHECKSUM_MISMATCH", {
    reason: `the source has ${checksum.algorithm} ${digest}, not ${checksum.value}`,
    outcome: "not-applied",
  });
}
