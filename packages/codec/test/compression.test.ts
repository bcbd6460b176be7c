import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { gunzip, gzip, pipe, unzstd, zstd } from "@omni/codec";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { bytesOf, cut, noise } from "./streams.ts";

const codecs = {
  gzip: { encode: gzip, decode: gunzip, encodeSync: gzipSync, decodeSync: gunzipSync },
  zstd: { encode: zstd, decode: unzstd, encodeSync: zstdCompressSync, decodeSync: zstdDecompressSync },
} as const;

describe.each(Object.entries(codecs))("%s", (name, { encode, decode, encodeSync, decodeSync }) => {
  const text = Buffer.from("all work and no play ".repeat(20_000));

  it("makes what the reference reads, and reads what the reference makes", async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("x"), text, noise(300_000)]) {
      const encoded = await bytesOf(encode()([bytes]));
      expect(decodeSync(encoded).equals(bytes)).toBe(true);
      expect((await bytesOf(decode()([encodeSync(bytes)]))).equals(bytes)).toBe(true);
    }
    expect((await bytesOf(encode()([text]))).byteLength).toBeLessThan(text.byteLength / 50);
  });

  it("gives back any bytes, however they are cut on both sides", async () => {
    const { parameters } = propertyRuns({ name: `${name} round trip`, push: 300, test: 50 });
    const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 });
    const property = fc.asyncProperty(
      fc.uint8Array({ maxLength: 20_000, size: "max" }),
      sizes,
      sizes,
      async (bytes, before, after) => {
        const encoded = await bytesOf(encode()(cut(bytes, before)));
        const decoded = await bytesOf(decode()(cut(encoded, after)));
        if (!decoded.equals(bytes)) throw new Error(`${bytes.byteLength} bytes came back as ${decoded.byteLength}`);
      },
    );
    for (const each of parameters) await fc.assert(property, { ...each });
  });

  it("reads several parts in a row as one", async () => {
    const parts = ["one ", "", "two ", "x".repeat(200_000)];
    const joined = Buffer.concat(parts.map((part) => encodeSync(Buffer.from(part))));
    for (const size of [1, 7, 13, 100, joined.byteLength])
      expect((await bytesOf(decode()(cut(joined, [size])))).toString()).toBe(parts.join(""));
    await expect(bytesOf(decode()([joined, Buffer.from("garbage behind it")]))).rejects.toMatchObject({ code: "UNKNOWN" });
    await expect(bytesOf(decode()([Buffer.concat([joined, Buffer.from("garbage behind it")])]))).rejects.toMatchObject({
      code: "UNKNOWN",
    });
  });

  it("ends damaged and cut data in an error, wherever it is cut", async () => {
    const encoded = await bytesOf(encode()([noise(10_000)]));
    for (const length of [0, 1, 3, 4, 5, 20, encoded.byteLength >> 1, encoded.byteLength - 4, encoded.byteLength - 1])
      await expect(bytesOf(decode()([encoded.subarray(0, length)]))).rejects.toMatchObject({
        code: "UNKNOWN",
        message: expect.stringContaining("damaged or cut off"),
      });
    const damaged = Buffer.from(encoded);
    damaged.writeUInt8(damaged.readUInt8(damaged.byteLength >> 1) ^ 0x40, damaged.byteLength >> 1);
    await expect(bytesOf(decode()([damaged]))).rejects.toMatchObject({ code: "UNKNOWN" });
    await expect(bytesOf(decode()([Buffer.from("plain text")]))).rejects.toMatchObject({ code: "UNKNOWN" });
  });

  it("ends in an error at every length but the whole, for contents of every kind", async () => {
    for (const content of [noise(40), Buffer.alloc(3000), text.subarray(0, 500), Buffer.alloc(0)]) {
      const encoded = encodeSync(content);
      for (let length = 0; length < encoded.byteLength; length++)
        await expect(bytesOf(decode()([encoded.subarray(0, length)]))).rejects.toMatchObject({ code: "UNKNOWN" });
      expect((await bytesOf(decode()(cut(encoded, [1])))).equals(content)).toBe(true);
    }
  });

  it("passes the source's error on as it is", async () => {
    const reason = new Error("the source broke");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield noise(100_000);
      throw reason;
    }
    await expect(bytesOf(encode()(broken()))).rejects.toBe(reason);
  });

  it("ends the source when nobody takes more, also in the middle of a full pipe", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield noise(200_000);
      } finally {
        ended = true;
      }
    }
    for await (const chunk of encode()(endless())) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(true);
  });

  it("takes from its source no faster than it is taken from", async () => {
    let taken = 0;
    function* source(): Generator<Uint8Array> {
      for (; taken < 1000; taken++) yield noise(64 * 1024);
    }
    const stream = encode()(source())[Symbol.asyncIterator]();
    await stream.next();
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBeLessThan(100);
    await stream.return?.();
  });

  it("takes nothing before it is asked", async () => {
    let asked = false;
    function* source(): Generator<Uint8Array> {
      asked = true;
      yield noise(10);
    }
    const stream = pipe(source(), encode(), decode());
    expect(asked).toBe(false);
    await bytesOf(stream);
    expect(asked).toBe(true);
  });

  it("has levels, and refuses those outside of its range", async () => {
    const sizes: number[] = [];
    for (const level of [1, 9]) sizes.push((await bytesOf(encode({ level })([text]))).byteLength);
    expect(sizes[1]).toBeLessThanOrEqual(sizes[0] as number);
    for (const level of [-1, 2.5, 23])
      expect(() => encode({ level })).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(String(level)) }),
      );
  });
});

describe("zstd frames", () => {
  it("are passed over where they say so, and counted as whole only when they are", async () => {
    const skippable = Buffer.concat([Buffer.of(0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0), Buffer.from("notes")]);
    const frame = zstdCompressSync(Buffer.from("content"));
    for (const sizes of [[1], [7], [1000]])
      expect((await bytesOf(unzstd()(cut(Buffer.concat([skippable, frame, skippable]), sizes)))).toString()).toBe("content");
    const cutOff = Buffer.concat([frame, skippable.subarray(0, -1)]);
    await expect(bytesOf(unzstd()([cutOff]))).rejects.toMatchObject({ code: "UNKNOWN" });
  });

  it("of many blocks, large and repeated ones, are walked to their end", async () => {
    const content = Buffer.concat([noise(400_000), Buffer.alloc(600_000, 7), noise(1000)]);
    for (const level of [1, 19]) {
      const encoded = await bytesOf(zstd({ level })(cut(content, [70_000])));
      expect((await bytesOf(unzstd()(cut(encoded, [4096])))).equals(content)).toBe(true);
      await expect(bytesOf(unzstd()(cut(encoded.subarray(0, -1), [4096])))).rejects.toMatchObject({ code: "UNKNOWN" });
    }
  });
});
