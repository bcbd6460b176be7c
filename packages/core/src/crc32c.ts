import { sliceCrc32c } from "./crc32c-slicing.ts";
import { OmniError } from "./error.ts";
import type { Hasher } from "./hash.ts";

/**
 * Continues a CRC-32C.
 *
 * @param bytes the next ones; they may be backed by shared memory
 * @param crc that of the bytes before, 0 before the first, an unsigned number of 32 bits
 * @returns that of all bytes, an unsigned number of 32 bits
 */
export type Crc32cSum = (bytes: Uint8Array, crc: number) => number;

/** Loads a package as another one finds it: `(name) => import(name)`, written in a module of that one. */
export type PackageLoader = (name: string) => Promise<object>;

/** https://www.npmjs.com/package/@node-rs/crc32 */
const NATIVE_PACKAGE = "@node-rs/crc32";

/** From how many bytes a call into native code is worth it: about 200 ns, in which JavaScript sums as many bytes. */
const FASTER_FROM_BYTES = 256;

/** After how many summed bytes the native library is loaded: it costs some 9 ms of CPU time and 6 MiB, and then saves 0.7 ms for each MiB. */
const LOAD_AFTER_BYTES = 16 * 2 ** 20;

/** Which sum a process makes: that of JavaScript, until there is a faster one. */
export class Crc32cSums {
  #faster: Crc32cSum | undefined;
  #summedBytes = 0;
  #isLoading = false;
  readonly #offered = new Set<PackageLoader>();
  readonly #untried: PackageLoader[] = [];

  next(bytes: Uint8Array, crc: number): number {
    if (this.#faster === undefined) this.#count(bytes.byteLength);
    else if (bytes.byteLength >= FASTER_FROM_BYTES) return this.#faster(bytes, crc);
    return sliceCrc32c(bytes, crc);
  }

  accelerate(sum: Crc32cSum): void {
    checkSum(sum);
    this.#faster = sum;
  }

  offer(load: PackageLoader): void {
    if (this.#offered.has(load)) return;
    this.#offered.add(load);
    this.#untried.push(load);
  }

  #count(byteLength: number): void {
    this.#summedBytes += byteLength;
    if (this.#summedBytes >= LOAD_AFTER_BYTES && this.#untried.length > 0 && !this.#isLoading) void this.#load();
  }

  // Sums go on meanwhile.
  async #load(): Promise<void> {
    this.#isLoading = true;
    for (let load = this.#untried.shift(); load !== undefined && this.#faster === undefined; load = this.#untried.shift()) {
      try {
        const { crc32c } = (await load(NATIVE_PACKAGE)) as { readonly crc32c: Crc32cSum };
        this.accelerate(crc32c);
      } catch (error) {
        // Optional, as its name in a manifest says: not installed, none for this platform, bundled without it.
        const { debuglog } = process.getBuiltinModule("node:util");
        debuglog("omni")("crc32c stays in JavaScript: %s cannot be used: %s", NATIVE_PACKAGE, error);
      }
    }
    this.#isLoading = false;
  }
}

const sums = new Crc32cSums();

/**
 * Gives this process a faster CRC-32C than that of JavaScript, for all digests from here on, also of streams that are under way. Pieces of less than
 * 256 bytes stay in JavaScript.
 *
 * @param sum what takes over; it must not throw, and not keep the bytes
 * @throws OmniError INVALID_ARGUMENT when it gets a known checksum wrong; nothing changes then
 */
export function accelerateCrc32c(sum: Crc32cSum): void {
  sums.accelerate(sum);
}

/**
 * Says how `@node-rs/crc32` can be loaded, for packages that have it among their optional dependencies. It is loaded once per process, when 16 MiB have
 * been summed without it. Where that fails JavaScript goes on, and `NODE_DEBUG=omni` shows why.
 *
 * @param load the same function each time: another one counts as another way to the library
 */
export function offerNativeCrc32c(load: PackageLoader): void {
  sums.offer(load);
}

/** A running CRC-32C. */
export class Crc32c implements Hasher {
  /** Kept: with the last of its instances V8 forgets the shape of all, and the code compiled for it. Streams of 1 KiB took a fifth longer after a collection. */
  static #first: Crc32c | undefined;
  readonly #sums: Crc32cSums;
  #crc = 0;

  constructor(from: Crc32cSums = sums) {
    this.#sums = from;
    Crc32c.#first ??= this;
  }

  update(chunk: Uint8Array): void {
    this.#crc = this.#sums.next(chunk, this.#crc);
  }

  digest(): string {
    return hexOf(this.#crc);
  }
}

function hexOf(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

// RFC 3720, appendix B.4, and the check value of https://reveng.sourceforge.io/crc-catalogue/17plus.htm; the last is long enough for what takes many
// bytes a step, and starts where no word does.
function checkSum(sum: Crc32cSum): void {
  const counted = Uint8Array.from({ length: 32 }, (_, at) => at);
  const long = Uint8Array.from({ length: 5_003 }, (_, at) => (at * 7919) >>> 3).subarray(3);
  checkOne(sum, new Uint8Array(32), 0x8a9136aa);
  checkOne(sum, new Uint8Array(32).fill(0xff), 0x62a8ab43);
  checkOne(sum, counted, 0x46dd794e);
  checkOne(sum, counted.toReversed(), 0x113fdb5c);
  checkOne(sum, new TextEncoder().encode("123456789"), 0xe3069283);
  checkOne(sum, long, sliceCrc32c(long, 0));
}

/** As one piece, and continued. */
function checkOne(sum: Crc32cSum, bytes: Uint8Array, expected: number): void {
  const cut = bytes.length >>> 1;
  let found: unknown;
  try {
    found = sum(bytes, 0);
    if (found === expected) found = sum(bytes.subarray(cut), sum(bytes.subarray(0, cut), 0));
  } catch (cause) {
    throw new OmniError("INVALID_ARGUMENT", { reason: "the function given to sum crc32c fails: give one that works", cause });
  }
  if (found !== expected)
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `the function given to sum crc32c says ${String(found)} for ${bytes.length} bytes, which is ${expected} (0x${hexOf(expected)}): give one that continues an unsigned CRC-32C (Castagnoli)`,
    });
}
