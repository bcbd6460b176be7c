/** One side of a proxied connection, and the moving of bytes from one to the other under a fault. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Direction, Fault } from "./faults.ts";

/** Thrown to leave a pump when its fault has cut the connection, or when the other side has gone. */
export class Cut extends Error {
  override readonly name = "Cut";
}

/** Sends bytes and waits while the socket's buffer is full. @throws Cut when the socket is closed */
export async function send(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed || !socket.writable) throw new Cut("the connection is closed");
  if (socket.write(bytes)) return;
  const ended = new AbortController();
  try {
    await Promise.race([once(socket, "drain", { signal: ended.signal }), once(socket, "close", { signal: ended.signal })]);
  } catch (error) {
    throw new Cut("the connection broke", { cause: error });
  } finally {
    ended.abort();
  }
  if (socket.destroyed) throw new Cut("the connection is closed");
}

/** Ends a connection: by a TCP reset, or in good order after what was written. */
export function hangUp(socket: Socket, how: "reset" | "drop"): void {
  if (socket.destroyed) return;
  if (how === "reset") socket.resetAndDestroy();
  else socket.destroySoon();
}

/** Waits for so many milliseconds, without a number for ever; ends early when the signal says that the connection is over. */
export async function wait(ms: number | undefined, over: AbortSignal): Promise<void> {
  if (over.aborted) return;
  if (ms === undefined) await once(over, "abort");
  else await delay(ms, undefined, { signal: over }).catch(() => {}); // woken early: the connection is over
}

/** What `pause()` shuts: bytes that have come in wait behind it. */
export class Gate {
  #opened: Promise<void> | undefined;
  #open: (() => void) | undefined;

  shut(): void {
    this.#opened ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open?.();
    this.#opened = undefined;
  }

  /** What a socket receives, each piece held while the gate is shut. The end of reading leaves the writing side open. */
  async *through(socket: Socket, over: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of socket.iterator({ destroyOnReturn: false })) {
      while (this.#opened && !over.aborted) await Promise.race([this.#opened, wait(undefined, over)]);
      yield piece;
    }
  }
}

/** What a fault does to the bytes of one direction. */
export interface Lane {
  readonly fault: Fault | undefined;
  readonly direction: Direction;
  /** Both ends of the connection; a cut closes both. */
  readonly client: Socket;
  readonly over: AbortSignal;
}

/** The bytes, handed on as the fault wants: cut, stalled or slowed. @throws Cut when the fault has ended the connection */
export async function* disturbed(pieces: AsyncIterable<Buffer>, lane: Lane): AsyncGenerator<Buffer, void, undefined> {
  const { fault, over } = lane;
  if (!fault || !strikes(fault, lane.direction)) {
    yield* pieces;
    return;
  }
  if (fault.kind === "slow") {
    yield* slowed(pieces, fault.bytesPerSecond, over);
    return;
  }
  let left = "afterBytes" in fault ? (fault.afterBytes ?? 0) : 0;
  let struck = false;
  for await (const piece of pieces) {
    if (struck || piece.length <= left) {
      left -= piece.length;
      yield piece;
      continue;
    }
    if (left > 0) yield piece.subarray(0, left);
    await strike(fault, lane);
    struck = true; // only a stall comes back
    yield piece.subarray(left);
  }
  if (!struck) await strike(fault, lane); // the body was shorter than the fault's mark: it strikes at its end
}

/** Whether a fault concerns the bytes of this direction. */
export function strikes(fault: Fault, direction: Direction): boolean {
  if (fault.kind === "truncate") return direction === "response";
  if (fault.kind === "slow" || fault.kind === "stall" || fault.kind === "reset" || fault.kind === "drop") {
    return (fault.in ?? "response") === direction;
  }
  return false;
}

/** @throws Cut unless the fault was a stall that ended */
export async function strike(fault: Fault, lane: Lane): Promise<void> {
  if (fault.kind === "stall") {
    await wait(fault.ms, lane.over);
    if (lane.over.aborted) throw new Cut("hung up during a stall");
    return;
  }
  hangUp(lane.client, fault.kind === "reset" ? "reset" : "drop");
  throw new Cut(fault.kind);
}

async function* slowed(
  pieces: AsyncIterable<Buffer>,
  bytesPerSecond: number,
  over: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const stepMs = 50;
  const step = Math.max(1, Math.floor((bytesPerSecond * stepMs) / 1000));
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += step) {
      const part = piece.subarray(at, at + step);
      await wait((part.length / bytesPerSecond) * 1000, over);
      if (over.aborted) throw new Cut("hung up while slow");
      yield part;
    }
  }
}
