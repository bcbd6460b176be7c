import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";

/** One message each call, in a buffer of the receiver's own: the sender has but one, which it uses again. */
export class Messages {
  readonly #scratch: Uint8Array;
  readonly #view: DataView;
  readonly #count: number;
  #index = 0;

  constructor(bytes: number, count: number) {
    this.#scratch = new Uint8Array(bytes);
    this.#view = new DataView(this.#scratch.buffer);
    this.#count = count;
  }

  /** The sender's buffer with the next message in it; `undefined` at the end. */
  stamp(): Uint8Array | undefined {
    if (this.#index === this.#count) return undefined;
    this.#view.setUint32(0, this.#index++, true);
    return this.#scratch;
  }

  /** A copy of the next message, made in the cheapest way that Node has for its size. */
  own(): Uint8Array | undefined {
    const message = this.stamp();
    if (message === undefined) return undefined;
    return message.byteLength <= 64 ? new Uint8Array(message) : Buffer.from(message);
  }
}

/** Counts and sums what arrives. */
export class Tally {
  #messages = 0;
  #bytes = 0;
  #sum = 0;

  readonly take = (message: Uint8Array): void => {
    this.#messages++;
    this.#bytes += message.byteLength;
    this.#sum +=
      (message[0] as number) +
      (message[1] as number) * 0x100 +
      (message[2] as number) * 0x10000 +
      (message[3] as number) * 0x1000000;
  };

  get text(): string {
    return `${this.#messages} messages, ${this.#bytes} bytes, sum ${this.#sum}`;
  }
}

/** How many messages may wait between the two sides of each subject. */
export const buffered = 100;

type Run = (messages: Messages, tally: Tally) => Promise<void>;

/** A Readable in object mode whose source is asked for more, taken from by `for await`. */
export const readable: Run = async (messages, tally) => {
  const stream = new Readable({
    objectMode: true,
    highWaterMark: buffered,
    read() {
      for (let message = messages.own(); ; message = messages.own())
        if (!this.push(message ?? null) || message === undefined) return;
    },
  });
  for await (const message of stream) tally.take(message as Uint8Array);
};

/** A Readable in object mode, taken from by its events. */
export const readableEvents: Run = async (messages, tally) => {
  const stream = new Readable({
    objectMode: true,
    highWaterMark: buffered,
    read() {
      for (let message = messages.own(); ; message = messages.own())
        if (!this.push(message ?? null) || message === undefined) return;
    },
  });
  stream.on("data", tally.take);
  await once(stream, "end");
};

/** A PassThrough in object mode: a sender that waits for drain, a receiver with `for await`. */
export const passThrough: Run = async (messages, tally) => {
  const stream = new PassThrough({ objectMode: true, writableHighWaterMark: buffered, readableHighWaterMark: buffered });
  const send = async (): Promise<void> => {
    for (let message = messages.own(); message; message = messages.own()) if (!stream.write(message)) await once(stream, "drain");
    stream.end();
  };
  const sent = send();
  for await (const message of stream) tally.take(message as Uint8Array);
  await sent;
};

/** A web TransformStream: a sender that awaits each write, a receiver with `for await`. */
export const webTransform: Run = async (messages, tally) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({}, { highWaterMark: buffered }, { highWaterMark: 0 });
  const send = async (): Promise<void> => {
    const writer = writable.getWriter();
    for (let message = messages.own(); message; message = messages.own()) {
      await writer.ready;
      void writer.write(message);
    }
    await writer.close();
  };
  const sent = send();
  for await (const message of readable) tally.take(message);
  await sent;
};

/** An array between a sender that awaits room and an async generator that awaits messages. */
export const generatorQueue: Run = async (messages, tally) => {
  const queue: Uint8Array[] = [];
  let ended = false;
  let wakeReceiver: (() => void) | undefined;
  let wakeSender: (() => void) | undefined;
  const send = async (): Promise<void> => {
    for (let message = messages.own(); message; message = messages.own()) {
      if (queue.length >= buffered)
        await new Promise<void>((resolve) => {
          wakeSender = resolve;
        });
      queue.push(message);
      wakeReceiver?.();
      wakeReceiver = undefined;
    }
    ended = true;
    wakeReceiver?.();
  };
  async function* receive(): AsyncGenerator<Uint8Array> {
    for (;;) {
      while (queue.length > 0) {
        yield queue.shift() as Uint8Array;
        wakeSender?.();
        wakeSender = undefined;
      }
      if (ended) return;
      await new Promise<void>((resolve) => {
        wakeReceiver = resolve;
      });
    }
  }
  const sent = send();
  for await (const message of receive()) tally.take(message);
  await sent;
};
