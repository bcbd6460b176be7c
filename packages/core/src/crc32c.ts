import type { Hasher } from "./hash.ts";

// Castagnoli, reflected (RFC 3720 section 12.1). Eight tables take eight bytes a step ("slicing by 8", Kounavis and Berry, 2005).
const POLYNOMIAL = 0x82f63b78;
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}

/** A running CRC-32C. */
export class Crc32c implements Hasher {
  #crc = -1;

  update(chunk: Uint8Array): void {
    this.#crc = step(this.#crc, chunk);
  }

  digest(): string {
    return ((this.#crc ^ -1) >>> 0).toString(16).padStart(8, "0");
  }
}

function step(start: number, bytes: Uint8Array): number {
  const t = TABLES as unknown as readonly number[];
  const b = bytes as unknown as readonly number[];
  let crc = start;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    const low = crc ^ (b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24));
    crc =
      t[1792 + (low & 0xff)]! ^
      t[1536 + ((low >>> 8) & 0xff)]! ^
      t[1280 + ((low >>> 16) & 0xff)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + b[i + 4]!]! ^
      t[512 + b[i + 5]!]! ^
      t[256 + b[i + 6]!]! ^
      t[b[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t[(crc ^ b[i]!) & 0xff]!;
  return crc;
}
