import { createHash } from "node:crypto";
import { commonHash, createHasher, digestOf, HASH_ALGORITHMS, type HashAlgorithm } from "@omni/core";
import fc from "fast-check";

/** The polynomial of RFC 3720, bit by bit: slow and plain. */
function crc32cByBits(bytes: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

const ISCSI_READ = Buffer.from(
  "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000",
  "hex",
);

describe("crc32c", () => {
  // RFC 3720, appendix B.4 (there in the byte order of the wire, here big-endian).
  test.each([
    ["32 bytes of zeroes", new Uint8Array(32), "8a9136aa"],
    ["32 bytes of ones", new Uint8Array(32).fill(0xff), "62a8ab43"],
    ["32 bytes of 00..1f", Uint8Array.from({ length: 32 }, (_, i) => i), "46dd794e"],
    ["32 bytes of 1f..00", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), "113fdb5c"],
    ["an iSCSI SCSI Read (10) command", ISCSI_READ, "d9963a56"],
  ])("%s", async (_, bytes, expected) => {
    expect(await digestOf("crc32c", bytes)).toBe(expected);
  });

  // The check value of the catalogue of parametrised CRC algorithms: https://reveng.sourceforge.io/crc-catalogue/17plus.htm
  test("the check value of the catalogue", async () => {
    expect(await digestOf("crc32c", Buffer.from("123456789"))).toBe("e3069283");
  });

  // As the native implementation of the npm package @node-rs/crc32 says them, too.
  test.each([
    ["a", "c1d04330"],
    ["abc", "364b3fb7"],
    ["abcdefghijklmnopqrstuvwxyz", "9ee6ef25"],
    ["hello world", "c99465aa"],
    ["The quick brown fox jumps over the lazy dog", "22620404"],
  ])("of %j", async (text, expected) => {
    expect(await digestOf("crc32c", Buffer.from(text))).toBe(expected);
  });

  test("of nothing, and with leading zeroes", async () => {
    expect(await digestOf("crc32c", new Uint8Array(0))).toBe("00000000");
    expect((await digestOf("crc32c", Buffer.from("a"))).length).toBe(8);
  });

  test("agrees with the plain way at every length and alignment", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(16), (bytes, skip) => {
        const padded = Buffer.concat([new Uint8Array(skip), bytes]).subarray(skip);
        const hasher = createHasher("crc32c");
        hasher.update(padded);
        expect(hasher.digest()).toBe(crc32cByBits(bytes));
      }),
    );
  });
});

describe.each(HASH_ALGORITHMS.map((algorithm) => [algorithm] as const))("%s", (algorithm: HashAlgorithm) => {
  test("does not depend on how the bytes are cut", async () => {
    const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => (i * 7919) >>> 3);
    const whole = await digestOf(algorithm, bytes);
    async function* cut(size: number): AsyncGenerator<Uint8Array, void> {
      for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
    }
    for (const size of [1, 7, 8, 9, 15, 16, 17, 4_096]) expect(await digestOf(algorithm, cut(size))).toBe(whole);
  });

  test("is lower-case hexadecimal, and that of the reference", async () => {
    const digest = await digestOf(algorithm, Buffer.from("abc"));
    expect(digest).toMatch(/^[0-9a-f]+$/);
    expect(digest).toBe(algorithm === "crc32c" ? "364b3fb7" : createHash(algorithm).update("abc").digest("hex"));
  });
});

describe("commonHash", () => {
  test.each([
    [{ md5: "a", sha256: "b" }, { md5: "a", sha256: "b" }, "sha256"],
    [{ md5: "a", crc32c: "b" }, { crc32c: "b", sha1: "c" }, "crc32c"],
    [{ md5: "a" }, { crc32c: "b" }, undefined],
    [{}, { crc32c: "b" }, undefined],
    [undefined, { md5: "a" }, undefined],
    [{ md5: "a" }, undefined, undefined],
  ])("of %j and %j", (a, b, expected) => {
    expect(commonHash(a, b)).toBe(expected);
    expect(commonHash(b, a)).toBe(expected);
  });
});
