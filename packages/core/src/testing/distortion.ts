import type { DriverBody } from "../driver.ts";
import type { Fault } from "./faults.ts";

/** What happens when a fault's place is reached: it waits, or throws. */
export type Strike = () => Promise<void>;

/** A body with a boundary between chunks at an offset. */
export async function* cutAt(body: DriverBody, at: number): AsyncGenerator<Uint8Array, undefined> {
  let left = at;
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    if (left > 0 && left < chunk.byteLength) {
      yield chunk.subarray(0, left);
      yield chunk.subarray(left);
    } else yield chunk;
    left -= chunk.byteLength;
  }
}

/**
 * Items on their way, with what the fault does to the first one that begins at or after its place; a place at the end strikes there.
 *
 * @param length how far an item moves the place
 * @param strike called once, when the place is reached
 */
export async function* distort<T>(
  items: AsyncIterable<T>,
  length: (item: T) => number,
  fault: Fault,
  at: number,
  strike: Strike,
): AsyncGenerator<T, undefined> {
  let place = 0;
  let struck = false;
  let held: { readonly item: T } | undefined;
  for await (const item of items) {
    const strikes = !struck && place >= at;
    place += length(item);
    if (strikes) {
      struck = true;
      await strike();
      if (fault.do === "truncate") return;
      if (fault.do === "reorder") {
        held = { item };
        continue;
      }
      if (fault.do === "duplicate") yield copyOf(item);
    }
    yield item;
    if (held) yield held.item;
    held = undefined;
  }
  if (held) yield held.item;
  if (!struck && place >= at) await strike();
}

/** A chunk belongs to who gets it: the second one is a copy. */
function copyOf<T>(item: T): T {
  return item instanceof Uint8Array ? (item.slice() as typeof item) : item;
}
