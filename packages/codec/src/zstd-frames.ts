import { OmniError } from "@omni/core";

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

type Part = "magic" | "descriptor" | "block" | "skippable" | "unknown";
const PART_BYTES: Readonly<Record<Part, number>> = { magic: 4, descriptor: 1, block: 3, skippable: 4, unknown: 0 };

/**
 * Walks over the frames of a zstd stream (RFC 8878, section 3.1) without expanding them, to know whether the last one is whole: the decoder of Node 22
 * takes a stream that is cut off anywhere for a good one.
 */
class FrameWalk {
  #part: Part = "magic";
  /** Bytes of the part so far, as a little-endian number, and how many. */
  #value = 0;
  #count = 0;
  /** Bytes to pass over before the part begins. */
  #skip = 0;
  #frames = 0;
  #hasChecksum = false;

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.byteLength && this.#part !== "unknown") {
      const passed = Math.min(this.#skip, chunk.byteLength - at);
      this.#skip -= passed;
      at += passed;
      if (this.#skip > 0 || at === chunk.byteLength) return;
      this.#value += (chunk[at++] as number) * 2 ** (8 * this.#count++);
      if (this.#count === PART_BYTES[this.#part]) this.#read(this.#value);
    }
  }

  /** Whether the stream may end here. What is no zstd at all is left to the decoder to say. */
  get isWhole(): boolean {
    return this.#part === "unknown" || (this.#part === "magic" && this.#count === 0 && this.#skip === 0 && this.#frames > 0);
  }

  #read(value: number): void {
    this.#value = 0;
    this.#count = 0;
    if (this.#part === "magic")
      this.#next(value === FRAME ? "descriptor" : value - (value % 16) === SKIPPABLE ? "skippable" : "unknown", 0);
    else if (this.#part === "descriptor") this.#readDescriptor(value);
    else if (this.#part === "block") this.#readBlock(value);
    else this.#endFrame(value);
  }

  #readDescriptor(descriptor: number): void {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const sizeFlag = descriptor >> 6;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] as number);
    this.#next("block", (isSingleSegment ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 3] as number) + sizeBytes);
  }

  #readBlock(header: number): void {
    const isLast = (header & 1) !== 0;
    const isRepeated = ((header >> 1) & 3) === 1;
    const bytes = isRepeated ? 1 : header >> 3;
    if (isLast) this.#endFrame(bytes + (this.#hasChecksum ? 4 : 0));
    else this.#next("block", bytes);
  }

  #endFrame(bytes: number): void {
    this.#frames++;
    this.#next("magic", bytes);
  }

  #next(part: Part, skip: number): void {
    this.#part = part;
    this.#skip = skip;
  }
}

/** Passes a zstd stream on, and ends it in an error where it is cut off. */
export async function* wholeFrames(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const walk = new FrameWalk();
  for await (const chunk of source) {
    walk.push(chunk);
    yield chunk;
  }
  if (!walk.isWhole)
    throw new OmniError("UNKNOWN", {
      reason: "the compressed data is damaged or cut off (it ends inside a frame)",
      retryable: false,
    });
}
