import { nodeCrypto } from "../builtins.ts";

// Random bytes are drawn by the page, and made text by the page: calls into the generator and the encoder cost more than an id.
const PAGE = Buffer.alloc(4096);
const PAGE_DIGITS = Buffer.alloc(2 * PAGE.length);
const PART_BYTES = 8;
let used = PAGE_DIGITS.length;

// An id is made in place and copied out as one flat string: one put together of parts stays a chain of them in memory.
const TEXT = Buffer.from("00000000-0000-7000-8000-000000000000", "latin1");
const DIGITS = Buffer.from("0123456789abcdef", "latin1");
let lastMs = 0;
let counter = 0;

/**
 * A new UUIDv7 (RFC 9562): 48 bits of milliseconds, then a counter of 12 bits that makes the ids of one process ascend within a millisecond, then
 * 62 random bits.
 */
export function newId(now: number = Date.now()): string {
  if (now > lastMs) {
    setTime(now);
    counter = randomCount();
  } else {
    // The clock stands still or went back: count on, and borrow a millisecond when the counter is full.
    counter += 1;
    if (counter > 0xfff) {
      counter = 0;
      setTime(lastMs + 1);
    }
  }
  TEXT[15] = DIGITS[counter >>> 8] as number;
  TEXT[16] = DIGITS[(counter >>> 4) & 0xf] as number;
  TEXT[17] = DIGITS[counter & 0xf] as number;
  let from = nextPart();
  for (let to = 19; to < 23; to++) TEXT[to] = PAGE_DIGITS[from++] as number;
  for (let to = 24; to < 36; to++) TEXT[to] = PAGE_DIGITS[from++] as number;
  return TEXT.toString("latin1");
}

function setTime(ms: number): void {
  lastMs = ms;
  const digits = Math.trunc(ms).toString(16).padStart(12, "0");
  TEXT.write(`${digits.slice(0, 8)}-${digits.slice(8)}`, "latin1");
}

/** Room for as many again within the millisecond. */
function randomCount(): number {
  const from = nextPart() + 4;
  return Number.parseInt(PAGE_DIGITS.toString("latin1", from, from + 3), 16) & 0x3ff;
}

/** Where the next 64 bits begin, the first two of which say which kind of UUID it is. */
function nextPart(): number {
  if (used === PAGE_DIGITS.length) {
    nodeCrypto().randomFillSync(PAGE);
    for (let at = 0; at < PAGE.length; at += PART_BYTES) PAGE[at] = 0x80 | ((PAGE[at] as number) & 0x3f);
    PAGE_DIGITS.write(PAGE.toString("hex"), "latin1");
    used = 0;
  }
  used += 2 * PART_BYTES;
  return used - 2 * PART_BYTES;
}
