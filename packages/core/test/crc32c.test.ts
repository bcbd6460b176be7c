import { crc32c as native } from "@node-rs/crc32";
import { accelerateCrc32c, digestOf, OmniError } from "@omni/core";
import fc from "fast-check";
import { Crc32c, type Crc32cSum, Crc32cSums } from "../src/crc32c.ts";

const MIB = 2 ** 20;

/** A sum whose calls are seen. */
function counting(sum: Crc32cSum): { readonly sum: Crc32cSum; calls: number } {
  const counted = {
    calls: 0,
    sum: (bytes: Uint8Array, crc: number) => {
      counted.calls++;
      return sum(bytes, crc);
    },
  };
  return counted;
}

/** Sums some bytes. */
function sumMiB(sums: Crc32cSums, mib: number): void {
  const hasher = new Crc32c(sums);
  for (let at = 0; at < mib; at++) hasher.update(new Uint8Array(MIB));
}

function digestBy(sums: Crc32cSums): string {
  const hasher = new Crc32c(sums);
  hasher.update(EXAMPLE);
  return hasher.digest();
}

/** After what loads at once has loaded. */
const loaded = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const EXAMPLE = Buffer.from("The quick brown fox jumps over the lazy dog. ".repeat(10));
const EXAMPLE_DIGEST = "2dc46d77";

describe("a faster sum", () => {
  test("that takes over at any point of a stream changes no digest", () => {
    const pieces = fc.array(fc.tuple(fc.uint8Array({ maxLength: 700 }), fc.nat(3)), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, fc.nat(12), (cut, swapAt) => {
        const sums = new Crc32cSums();
        const swapped = new Crc32c(sums);
        const plain = new Crc32c(new Crc32cSums());
        for (const [at, [bytes, skip]] of cut.entries()) {
          if (at === swapAt) sums.accelerate(native);
          swapped.update(Buffer.concat([new Uint8Array(skip), bytes]).subarray(skip));
          plain.update(bytes);
        }
        expect(swapped.digest()).toBe(plain.digest());
      }),
    );
  });

  test("sums the pieces that are long enough", () => {
    const sums = new Crc32cSums();
    const faster = counting(native);
    sums.accelerate(faster.sum);
    faster.calls = 0;
    const hasher = new Crc32c(sums);
    for (const length of [0, 1, 255, 256, 65_536]) hasher.update(new Uint8Array(length));
    expect(faster.calls).toBe(2);
    expect(hasher.digest()).toBe(
      native(new Uint8Array(256 + 256 + 65_536))
        .toString(16)
        .padStart(8, "0"),
    );
  });

  test.each<[string, Crc32cSum]>([
    ["of another polynomial", (bytes, crc) => (bytes.length === 0 ? crc : 0x12345678)],
    ["that begins anew", (bytes) => native(bytes)],
    ["that is signed", (bytes, crc) => native(bytes, crc) | 0],
    ["that is inverted", (bytes, crc) => ~native(bytes, crc) >>> 0],
    ["that is wrong for long pieces", (bytes, crc) => (bytes.length > 1_024 ? 1 : native(bytes, crc))],
    ["that is none", undefined as unknown as Crc32cSum],
    [
      "that fails",
      () => {
        throw new Error("no SIMD");
      },
    ],
  ])("%s is refused, and JavaScript goes on", async (_, sum) => {
    const refusal = (): void => accelerateCrc32c(sum);
    expect(refusal).toThrow(OmniError);
    expect(refusal).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining("crc32c") }));
    expect(await digestOf("crc32c", EXAMPLE)).toBe(EXAMPLE_DIGEST);
  });

  test("is the process's own for digests", async () => {
    const faster = counting(native);
    accelerateCrc32c(faster.sum);
    faster.calls = 0;
    expect(await digestOf("crc32c", EXAMPLE)).toBe(EXAMPLE_DIGEST);
    expect(faster.calls).toBe(1);
  });
});

describe("an offered library", () => {
  test("is loaded once, after 16 MiB, and is used from then on", async () => {
    const sums = new Crc32cSums();
    const faster = counting(native);
    const asked: string[] = [];
    const load = async (name: string): Promise<object> => {
      asked.push(name);
      return { crc32c: faster.sum };
    };
    sums.offer(load);
    sums.offer(load);
    sumMiB(sums, 15);
    expect(asked).toEqual([]);
    sumMiB(sums, 2);
    expect(asked).toEqual(["@node-rs/crc32"]);
    await loaded();
    faster.calls = 0;
    sums.offer(load);
    sumMiB(sums, 20);
    await loaded();
    expect(faster.calls).toBe(20);
    expect(asked).toEqual(["@node-rs/crc32"]);
  });

  test.each<[string, () => Promise<object>]>([
    ["is missing", () => Promise.reject(new Error("Cannot find package '@node-rs/crc32'"))],
    ["has no crc32c", async () => ({})],
    ["is wrong", async () => ({ crc32c: () => 1 })],
  ])("that %s changes nothing, is tried once, and another way to it is taken", async (_, bad) => {
    const sums = new Crc32cSums();
    let attempts = 0;
    sums.offer(() => {
      attempts++;
      return bad();
    });
    sumMiB(sums, 16);
    await loaded();
    expect(digestBy(sums)).toBe(EXAMPLE_DIGEST);
    await loaded();
    expect(attempts).toBe(1);
    const faster = counting(native);
    sums.offer(async () => ({ crc32c: faster.sum }));
    expect(digestBy(sums)).toBe(EXAMPLE_DIGEST);
    await loaded();
    faster.calls = 0;
    expect(digestBy(sums)).toBe(EXAMPLE_DIGEST);
    expect(faster.calls).toBe(1);
  });
});
