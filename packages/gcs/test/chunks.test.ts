import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { ChunkCutter } from "../src/chunks.ts";

const SIZE = 64;

async function cut(body: Uint8Array | AsyncIterable<Uint8Array>, giveBack: boolean, size = SIZE): Promise<number[][]> {
  const cutter = new ChunkCutter(body, size);
  const chunks: number[][] = [];
  for (let chunk = await cutter.next(); chunk !== undefined; chunk = await cutter.next()) {
    chunks.push([...chunk]);
    if (giveBack) {
      cutter.release(chunk);
      // What was given back may be written over.
      chunk.fill(255);
    }
  }
  return chunks;
}

async function* stream(pieces: readonly number[]): AsyncGenerator<Uint8Array, undefined> {
  let at = 0;
  for (const length of pieces) yield new Uint8Array(length).map(() => at++ % 251);
}

const bytes = (length: number): number[] => Array.from({ length }, (_, i) => i % 251);

const { parameters } = propertyRuns({ name: "cutting bodies into chunks", push: 1_000 });
for (const each of parameters)
  test(`a stream of any pieces is cut into whole chunks, seed ${each.seed}`, async () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 3 * SIZE }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.boolean(), async (lengths, giveBack) => {
        const chunks = await cut(stream(lengths), giveBack);
        const total = lengths.reduce((sum, length) => sum + length, 0);
        expect(chunks.flat()).toEqual(bytes(total));
        expect(chunks.slice(0, -1).every(({ length }) => length === SIZE)).toBe(true);
        expect(chunks).toHaveLength(Math.ceil(total / SIZE));
      }),
      { ...each },
    );
  });

test("a body that is bytes is not copied", async () => {
  const body = new Uint8Array(bytes(150));
  const cutter = new ChunkCutter(body, SIZE);
  const lengths: number[] = [];
  for (let chunk = await cutter.next(); chunk !== undefined; chunk = await cutter.next()) {
    expect(chunk.buffer).toBe(body.buffer);
    lengths.push(chunk.byteLength);
  }
  expect(lengths).toEqual([64, 64, 22]);
});

test("the end is seen without losing a byte", async () => {
  const cutter = new ChunkCutter(stream([SIZE, 0, 1]), SIZE);
  expect((await cutter.next())?.byteLength).toBe(SIZE);
  expect(await cutter.isAtEnd()).toBe(false);
  expect((await cutter.next())?.byteLength).toBe(1);
  expect(await cutter.isAtEnd()).toBe(true);
  expect(await cutter.next()).toBeUndefined();
});
