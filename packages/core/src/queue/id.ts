import { randomFillSync } from "node:crypto";

// Random bytes are drawn by the page: a call into the generator costs more than an id.
const POOL = new Uint8Array(1024);
let drawn = POOL.length;
let lastMs = 0;
let counter = 0;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * A new UUIDv7 (RFC 9562): 48 bits of milliseconds, then a counter of 12 bits that makes the ids of one process ascend within a millisecond, then
 * 62 random bits.
 */
export function newId(now: number = Date.now()): string {
  if (now > lastMs) {
    lastMs = now;
    counter = randomBytes(2) & 0x3ff;
  } else {
    // The clock stands still or went back: count on, and borrow a millisecond when the counter is full.
    counter += 1;
    if (counter > 0xfff) {
      counter = 0;
      lastMs += 1;
    }
  }
  const high = Math.floor(lastMs / 0x1_0000_0000);
  const low = lastMs >>> 0;
  const time = hex(high >>> 8) + hex(high) + hex(low >>> 24) + hex(low >>> 16);
  const tail = `${hex(low >>> 8)}${hex(low)}-${hex(0x70 | (counter >>> 8))}${hex(counter)}`;
  const first = randomBytes(4);
  const rest = randomBytes(4);
  const node = hex(first >>> 8) + hex(first) + hex(rest >>> 24) + hex(rest >>> 16) + hex(rest >>> 8) + hex(rest);
  return `${time}-${tail}-${hex(0x80 | ((first >>> 24) & 0x3f))}${hex(first >>> 16)}-${node}`;
}

function hex(value: number): string {
  return HEX[value & 0xff] as string;
}

function randomBytes(count: number): number {
  if (drawn + count > POOL.length) {
    randomFillSync(POOL);
    drawn = 0;
  }
  let value = 0;
  for (let i = 0; i < count; i++) value = (value << 8) | (POOL[drawn++] as number);
  return value >>> 0;
}
