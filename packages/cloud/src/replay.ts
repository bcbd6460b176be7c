import type { OpenedSource } from "./source.ts";

/**
 * A source that is looked at before it is sent, and sent again where it can: a repeatable one is opened anew; of a stream the first bytes are kept, and
 * as long as no more than those were taken it can start over.
 */
export class Replay {
  readonly #source: OpenedSource;
  readonly #keepBytes: number;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #lost = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  /** @param keepBytes most bytes of a stream to keep for another try */
  constructor(source: OpenedSource, keepBytes: number) {
    this.#source = source;
    this.#keepBytes = keepBytes;
  }

  /** What the source threw: no store is to blame for it. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Whether `body` can be had (again). */
  get isWhole(): boolean {
    return !this.#failure && (this.#source.repeatable || !this.#lost);
  }

  /** The first bytes: at least so many, or all. Says whether the source ends there. */
  async peek(bytes: number): Promise<{ readonly head: Uint8Array; readonly complete: boolean }> {
    while (this.#keptBytes < bytes && !this.#ended) await this.#pull(true);
    return { head: this.#kept.length === 1 ? (this.#kept[0] as Uint8Array) : Buffer.concat(this.#kept), complete: this.#ended };
  }

  /** All bytes, from the start. One body at a time. */
  async *body(): AsyncGenerator<Uint8Array, void> {
    let index = 0;
    for (;;) {
      const kept = this.#kept[index];
      if (kept) {
        index += 1;
        yield kept;
        continue;
      }
      if (this.#ended) return;
      // What is past the limit is not kept: from then on the source cannot start over by what was kept.
      const keep = !this.#lost && this.#keptBytes < this.#keepBytes;
      if (!keep && !this.#lost) this.#drop();
      const chunk = await this.#pull(keep);
      if (keep || !chunk) continue;
      yield chunk;
    }
  }

  /** Makes the next `body` start at the first byte. @returns whether it can */
  async restart(): Promise<boolean> {
    if (!this.isWhole) return false;
    if (!this.#lost) return true;
    await this.close();
    this.#iterator = undefined;
    this.#kept = [];
    this.#keptBytes = 0;
    this.#lost = false;
    this.#ended = false;
    return true;
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    if (this.#iterator && !this.#ended) await this.#iterator.return?.();
  }

  #drop(): void {
    this.#lost = true;
    this.#kept = [];
  }

  async #pull(keep: boolean): Promise<Uint8Array | undefined> {
    this.#iterator ??= this.#source.open()[Symbol.asyncIterator]();
    const iterator = this.#iterator;
    try {
      const step = await iterator.next();
      // A pull that a former try left behind says nothing of the source that was opened since.
      if (iterator !== this.#iterator) return undefined;
      if (step.done) {
        this.#source.atEnd?.();
        this.#ended = true;
        return undefined;
      }
      if (!keep) return step.value;
      if (step.value.byteLength > 0) this.#kept.push(step.value);
      this.#keptBytes += step.value.byteLength;
      return step.value;
    } catch (error) {
      if (iterator === this.#iterator) this.#failure = { error };
      throw error;
    }
  }
}
