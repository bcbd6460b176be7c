import { BodyCutter } from "@omni/core";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, undefined> {
  for (const chunk of chunks) yield chunk.slice();
}

/** All pieces; what was given back may be written over, and is. */
async function cut(cutter: BodyCutter, giveBack = true): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (let piece = await cutter.next(); piece !== undefined; piece = await cutter.next()) {
    pieces.push(giveBack ? piece.slice() : piece);
    if (giveBack) cutter.release(piece);
  }
  return pieces;
}

test("any chunks become pieces of one size, in order, whole", async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 30 });
  const property = fc.asyncProperty(
    chunks,
    fc.integer({ min: 1, max: 200 }),
    fc.boolean(),
    fc.boolean(),
    async (given, pieceBytes, sized, giveBack) => {
      const all = Buffer.concat(given);
      const pieces = await cut(new BodyCutter(stream(given), pieceBytes, sized ? all.byteLength : undefined), giveBack);
      expect(Buffer.concat(pieces)).toEqual(all);
      expect(pieces).toHaveLength(Math.ceil(all.byteLength / pieceBytes));
      expect(pieces.slice(0, -1).every((piece) => piece.byteLength === pieceBytes)).toBe(true);
      expect(Buffer.concat(await cut(new BodyCutter(all, pieceBytes), false))).toEqual(all);
    },
  );
  for (const parameters of propertyRuns({ name: "cutting bodies", push: 500 }).parameters) await fc.assert(property, parameters);
});

test("buffers are taken again, and never written to while a piece is out", async () => {
  const cutter = new BodyCutter(stream(Array.from({ length: 40 }, (_, i) => new Uint8Array(50).fill(i))), 100);
  const out: Uint8Array[] = [];
  const buffers = new Set<ArrayBufferLike>();
  for (let piece = await cutter.next(); piece !== undefined; piece = await cutter.next()) {
    buffers.add(piece.buffer);
    out.push(piece);
    if (out.length === 3) {
      const oldest = out.shift() as Uint8Array;
      expect(oldest[0]).toBe((oldest[50] as number) - 1);
      cutter.release(oldest);
    }
  }
  expect(buffers.size).toBeLessThanOrEqual(4);
});

test("a source may write to its buffer again: what fills a piece by itself is copied too", async () => {
  const own = new Uint8Array(250);
  async function* source(): AsyncGenerator<Uint8Array, undefined> {
    for (let i = 1; i <= 3; i++) yield own.fill(i);
  }
  const pieces = await cut(new BodyCutter(source(), 250), false);
  expect(pieces.map((piece) => [piece[0], piece[249], piece.byteLength])).toEqual([
    [1, 1, 250],
    [2, 2, 250],
    [3, 3, 250],
  ]);
});

test("a body that is bytes is passed on without a copy", async () => {
  const body = new Uint8Array(250);
  const cutter = new BodyCutter(body, 100);
  const pieces = [await cutter.next(), await cutter.next(), await cutter.next()];
  expect(pieces.map((piece) => [piece?.buffer === body.buffer, piece?.byteOffset, piece?.byteLength])).toEqual([
    [true, 0, 100],
    [true, 100, 100],
    [true, 200, 50],
  ]);
  expect(await cutter.next()).toBeUndefined();
  expect(await new BodyCutter(new Uint8Array(), 100).next()).toBeUndefined();
});

test("a small body of known length takes a small buffer, one of unknown length a growing one", async () => {
  const sized = await new BodyCutter(stream([new Uint8Array(10), new Uint8Array(20)]), 1_000_000, 30).next();
  expect([sized?.byteLength, sized?.buffer.byteLength]).toEqual([30, 30]);
  const grown = await new BodyCutter(stream([new Uint8Array(50_000), new Uint8Array(50_000)]), 1_000_000).next();
  expect([grown?.byteLength, grown?.buffer.byteLength]).toEqual([100_000, 131_072]);
});

test("the end is seen without losing a byte", async () => {
  const cutter = new BodyCutter(stream([new Uint8Array(64), new Uint8Array(), new Uint8Array(1)]), 64);
  expect((await cutter.next())?.byteLength).toBe(64);
  expect(await cutter.isAtEnd()).toBe(false);
  expect((await cutter.next())?.byteLength).toBe(1);
  expect(await cutter.isAtEnd()).toBe(true);
  expect(await cutter.next()).toBeUndefined();
});

test("an abandoned source is told, and not waited for", async () => {
  let told = 0;
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        told++;
        throw new Error("a source may fail here too");
      },
    }),
  };
  const cutter = new BodyCutter(source, 100);
  void cutter.next();
  cutter.abandon();
  cutter.abandon();
  expect(told).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
});
