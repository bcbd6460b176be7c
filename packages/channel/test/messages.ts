import type { ChannelObjectReader } from "@omni/channel";

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(message: Uint8Array): string {
  return new TextDecoder().decode(message);
}

/** All messages of a reader, as text, until its channel ends. */
export async function all(reader: ChannelObjectReader): Promise<string[]> {
  const messages: string[] = [];
  for await (const message of reader.messages()) messages.push(text(message));
  return messages;
}

/** The next messages of an iterator, as text. */
export async function some(messages: AsyncIterator<Uint8Array>, count: number): Promise<string[]> {
  const got: string[] = [];
  while (got.length < count) {
    const step = await messages.next();
    if (step.done) break;
    got.push(text(step.value));
  }
  return got;
}

/** Whether a promise has settled by the end of this turn of the event loop. */
export async function settles(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  const turn = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
  return Promise.race([settled, turn]);
}
