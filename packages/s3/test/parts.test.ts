import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { combineCrc32c } from "../src/crc32c-combine.ts";
import { crcOf } from "../src/multipart.ts";
import { PartCutter } from "../src/parts.ts";

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, undefined> {
  for (const chunk of chunks) yield chunk.slice();
}

async function cut(cutter: PartCutter): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (let part = await cutter.next(); part !== undefined; part = await cutter.next()) {
    parts.push(part.slice());
    cutter.release(part);
  }
  return parts;
}

test("any chunks become parts of one size, in order, whole", async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 30 });
  const property = fc.asyncProperty(chunks, fc.integer({ min: 1, max: 200 }), fc.boolean(), async (given, partBytes, sized) => {
    const all = Buffer.concat(given);
    const parts = await cut(new PartCutter(stream(given), partBytes, sized ? all.byteLength : undefined));
    expect(Buffer.concat(parts)).toEqual(all);
    expect(parts.slice(0, -1).every((part) => part.byteLength === partBytes)).toBe(true);
    expect(parts.every((part) => part.byteLength > 0)).toBe(true);
    expect(await cut(new PartCutter(all, partBytes))).toHaveLength(parts.length);
  });
  for (const parameters of propertyRuns({ name: "s3 parts" }).parameters) await fc.assert(property, parameters);
});

test("buffers are taken again, and never written to while a part is out", async () => {
  const cutter = new PartCutter(stream(Array.from({ length: 40 }, (_, i) => new Uint8Array(50).fill(i))), 100);
  const out: Uint8Array[] = [];
  const buffers = new Set<ArrayBufferLike>();
  for (let part = await cutter.next(); part !== undefined; part = await cutter.next()) {
    buffers.add(part.buffer);
    out.push(part);
    if (out.length === 3) {
      const oldest = out.shift() as Uint8Array;
      expect(oldest[0]).toBe((oldest[50] as number) - 1);
      cutter.release(oldest);
    }
  }
  expect(buffers.size).toBeLessThanOrEqual(4);
});

test("a chunk that fills a part is passed on without a copy", async () => {
  const chunk = new Uint8Array(250);
  const cutter = new PartCutter(chunk, 100);
  const parts = [await cutter.next(), await cutter.next(), await cutter.next()];
  expect(parts.map((part) => [part?.buffer === chunk.buffer, part?.byteOffset, part?.byteLength])).toEqual([
    [true, 0, 100],
    [true, 100, 100],
    [true, 200, 50],
  ]);
  expect(await cutter.next()).toBeUndefined();
});

test("an abandoned source is told, and not waited for", async () => {
  let told = false;
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        told = true;
        throw new Error("a source may fail here too");
      },
    }),
  };
  const cutter = new PartCutter(source, 100);
  void cutter.next();
  cutter.abandon();
  cutter.abandon();
  expect(told).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
});

test("checksums of parts make the checksum of the whole", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 500 }), fc.uint8Array({ maxLength: 500 }), (a, b) => {
    expect(combineCrc32c(crcOf(a), crcOf(b), b.byteLength)).toBe(crcOf(Buffer.concat([a, b])));
  });
  for (const parameters of propertyRuns({ name: "s3 combined crc32c" }).parameters) fc.assert(property, parameters);
});
