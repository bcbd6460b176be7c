import { digestOf } from "@omni/core";
import fc from "fast-check";
import { StoredBytes } from "../src/stored-bytes.ts";

const MANY = Number.POSITIVE_INFINITY;

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* chunks;
}

async function read(bytes: StoredBytes, offset = 0, limit = MANY): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes.range(offset, limit)) pieces.push(piece);
  return Buffer.concat(pieces);
}

test("every range of every way to cut a body", async () => {
  // Sizes around that of a block, where chunks are joined or not.
  const size = fc.oneof(fc.nat(20), fc.constantFrom(65_535, 65_536, 65_537, 300_000));
  const range = fc.tuple(fc.nat(400_000), fc.integer({ min: 1, max: 400_000 }));
  await fc.assert(
    fc.asyncProperty(fc.array(size, { maxLength: 8 }), range, async (sizes, [offset, limit]) => {
      const chunks = sizes.map((bytes, i) => Uint8Array.from({ length: bytes }, (_, at) => at * 31 + i));
      const whole = Buffer.concat(chunks);
      const stored = await StoredBytes.of(chunksOf(chunks), MANY);
      expect(stored.size).toBe(whole.byteLength);
      expect(Buffer.compare(await read(stored), whole)).toBe(0);
      expect(Buffer.compare(await read(stored, offset, limit), whole.subarray(offset, offset + limit))).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test("a chunk that is all there is not copied", async () => {
  const chunk = new Uint8Array(100_000);
  const stored = await StoredBytes.of(chunk, MANY);
  chunk[5] = 7;
  expect((await read(stored))[5]).toBe(7);
});

test("a small view does not keep a large buffer alive", async () => {
  const large = new Uint8Array(1_000_000).fill(1);
  const stored = await StoredBytes.of(large.subarray(0, 10), MANY);
  large.fill(2);
  expect([...(await read(stored))]).toEqual(Array(10).fill(1));
});

test("what is read is private", async () => {
  const stored = await StoredBytes.of(Buffer.from("abc"), MANY);
  (await read(stored)).fill(0);
  for await (const piece of stored.range(0, MANY)) piece.fill(0);
  expect(Buffer.from(await read(stored)).toString()).toBe("abc");
});

test("stops taking at the limit", async () => {
  let taken = 0;
  async function* endless(): AsyncGenerator<Uint8Array, void> {
    while (true) {
      taken += 1;
      yield new Uint8Array(1_000);
    }
  }
  await expect(StoredBytes.of(endless(), 10_500)).rejects.toMatchObject({ code: "TOO_LARGE", outcome: "not-applied" });
  expect(taken).toBe(11);
  await expect(StoredBytes.of(new Uint8Array(11), 10)).rejects.toMatchObject({ code: "TOO_LARGE" });
  expect((await StoredBytes.of(new Uint8Array(10), 10)).size).toBe(10);
});

test("digests look like plain fields", async () => {
  const { hashes } = await StoredBytes.of(chunksOf([Buffer.from("1234"), Buffer.from("56789")]), MANY);
  expect(Object.keys(hashes)).toEqual(["md5", "sha1", "sha256", "crc32c"]);
  expect({ ...hashes }).toMatchObject({ crc32c: "e3069283", sha256: await digestOf("sha256", Buffer.from("123456789")) });
  expect(hashes.sha256).toBe(hashes.sha256);
});
