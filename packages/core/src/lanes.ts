/** Bytes that may wait for one member before the source is asked for more. */
export const DEFAULT_WINDOW_BYTES: number = 4 * 1024 * 1024;

/** How a source is spread. */
export interface LaneOptions {
  /** Bytes that may wait in one lane, or in each; the source waits while any lane has this much. @default 4 MiB */
  readonly windowBytes?: number | readonly number[] | undefined;
  /** Called when the source stops because lanes are full. */
  readonly onFull?: (() => void) | undefined;
  /** Called when the source goes on after that. */
  readonly onRoom?: (() => void) | undefined;
}

/** One consumer's view of a shared source: every chunk, in order. */
export interface Lane extends AsyncIterableIterator<Uint8Array> {
  /** Bytes handed to the consumer. */
  readonly bytes: number;
  /** Bytes that wait for the consumer. */
  readonly waitingBytes: number;
  /** Bytes that may wait. */
  readonly windowBytes: number;
  /** The consumer has asked for bytes that the source has not brought yet. */
  readonly isPulling: boolean;
  /** Takes the lane out: its consumer gets the reason, the source no longer waits for it. */
  drop(reason: unknown): void;
}

/**
 * Spreads one source over several lanes. Chunks are shared, not copied; the slowest lane that is still in holds the source back, so what waits is
 * bounded by the window. The source starts with the first pull and ends when no lane is left.
 *
 * @param source pulled once
 * @param count how many lanes
 */
export function spread(source: AsyncIterable<Uint8Array>, count: number, options: LaneOptions = {}): readonly Lane[] {
  return new Pump(source, count, options).lanes;
}

class Pump {
  readonly lanes: readonly QueueLane[];
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #options: LaneOptions;
  #open: QueueLane[];
  #wake: (() => void) | undefined;
  #started = false;

  constructor(source: AsyncIterable<Uint8Array>, count: number, options: LaneOptions) {
    this.#source = source[Symbol.asyncIterator]();
    this.#options = options;
    const windowOf = (index: number): number =>
      (typeof options.windowBytes === "object" ? options.windowBytes[index] : options.windowBytes) ?? DEFAULT_WINDOW_BYTES;
    this.lanes = Array.from({ length: count }, (_, index) => new QueueLane(this, windowOf(index)));
    this.#open = [...this.lanes];
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#run().catch((error) => {
      for (const lane of this.#open) lane.fail(error);
    });
  }

  /** A lane took bytes: perhaps the source may go on. */
  taken(): void {
    // Woken when half empty, so that the source runs in bursts.
    if (this.#wake && this.#open.every((lane) => lane.waitingBytes <= lane.windowBytes / 2)) this.#resume();
  }

  /** A lane is out. */
  left(lane: QueueLane): void {
    this.#open = this.#open.filter((other) => other !== lane);
    this.taken();
    if (this.#open.length === 0 && this.#started) {
      this.#resume();
      // Nobody is left to hear of it; a source whose pull hangs is told to end.
      this.#source.return?.().catch(() => {});
    }
  }

  #resume(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake) this.#options.onRoom?.();
    wake?.();
  }

  async #run(): Promise<void> {
    while (this.#open.length > 0) {
      const step = await this.#source.next();
      if (step.done) {
        for (const lane of this.#open) lane.end();
        return;
      }
      if (step.value.byteLength === 0) continue;
      let full = false;
      for (const lane of this.#open) if (lane.push(step.value) >= lane.windowBytes) full = true;
      if (full)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          this.#options.onFull?.();
        });
    }
  }
}

const TAKEN = new Uint8Array();

type Step = IteratorResult<Uint8Array, undefined>;

class QueueLane implements Lane {
  readonly #pump: Pump;
  readonly windowBytes: number;
  #chunks: Uint8Array[] = [];
  #head = 0;
  #ended = false;
  #failed: { readonly reason: unknown } | undefined;
  #puller: { resolve: (step: Step) => void; reject: (reason: unknown) => void } | undefined;
  bytes = 0;
  waitingBytes = 0;

  constructor(pump: Pump, windowBytes: number) {
    this.#pump = pump;
    this.windowBytes = windowBytes;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get isPulling(): boolean {
    return this.#puller !== undefined;
  }

  next(): Promise<Step> {
    this.#pump.start();
    const value = this.#chunks[this.#head];
    if (value) {
      // A lane that is always behind never runs empty: what was taken must not wait for that, nor its place for ever.
      this.#chunks[this.#head++] = TAKEN;
      if (this.#head === this.#chunks.length || this.#head === 1024) {
        this.#chunks = this.#chunks.slice(this.#head);
        this.#head = 0;
      }
      this.bytes += value.byteLength;
      this.waitingBytes -= value.byteLength;
      this.#pump.taken();
      return Promise.resolve({ done: false, value });
    }
    if (this.#failed) return Promise.reject(this.#failed.reason);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#puller = { resolve, reject };
    });
  }

  /** The consumer wants no more. */
  async return(): Promise<Step> {
    this.#leave();
    return { done: true, value: undefined };
  }

  drop(reason: unknown): void {
    if (this.#ended || this.#failed) return;
    this.#chunks = [];
    this.fail(reason);
    this.#leave();
  }

  push(chunk: Uint8Array): number {
    if (this.#puller) {
      const { resolve } = this.#puller;
      this.#puller = undefined;
      this.bytes += chunk.byteLength;
      resolve({ done: false, value: chunk });
    } else {
      this.#chunks.push(chunk);
      this.waitingBytes += chunk.byteLength;
    }
    return this.waitingBytes;
  }

  end(): void {
    this.#ended = true;
    this.#puller?.resolve({ done: true, value: undefined });
    this.#puller = undefined;
  }

  fail(reason: unknown): void {
    if (this.#failed || this.#ended) return;
    this.#failed = { reason };
    this.#puller?.reject(reason);
    this.#puller = undefined;
  }

  #leave(): void {
    this.#chunks = [];
    this.waitingBytes = 0;
    this.#pump.left(this);
  }
}
