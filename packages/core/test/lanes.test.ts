import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { spread } from "../src/lanes.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function* numbered(chunks: number, seen: (chunk: Uint8Array) => void = () => {}): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < chunks; index += 1) {
    const chunk = new Uint8Array(1_000).fill(index);
    seen(chunk);
    yield chunk;
  }
}

/** Takes from a lane that always has something waiting, and gives what was taken. */
async function takeWhileBehind(): Promise<{ readonly taken: WeakRef<object>; readonly rest: AsyncIterator<Uint8Array> }> {
  const refs: WeakRef<object>[] = [];
  const source = numbered(10, (chunk) => refs.push(new WeakRef(chunk)));
  const [ahead, behind] = spread(source, 2);
  for await (const chunk of ahead!) expect(chunk.byteLength).toBe(1_000);
  await behind!.next();
  return { taken: refs[0]!, rest: behind! };
}

test("a chunk that every lane took is let go of while others wait", async () => {
  const { taken, rest } = await takeWhileBehind();
  // What a WeakRef was asked for stays alive for the turn.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(taken.deref()).toBeUndefined();
  expect((await rest.next()).value?.[0]).toBe(1);
});

test("a lane that is thousands of chunks behind gets all of them, in order", async () => {
  const [ahead, behind] = spread(numbered(3_000), 2);
  let count = 0;
  for await (const chunk of ahead!) expect(chunk[0]).toBe(count++ % 256);
  expect(count).toBe(3_000);
  for await (const chunk of behind!) expect(chunk[0]).toBe((count++ - 3_000) % 256);
  expect(count).toBe(6_000);
  expect(behind!.bytes).toBe(3_000_000);
});

test("lanes have windows of their own, and say when the source stops for them and goes on", async () => {
  const seen: string[] = [];
  let pulled = 0;
  const source = numbered(10, () => {
    pulled += 1;
  });
  const [ahead, behind] = spread(source, 2, {
    windowBytes: [100_000, 2_000],
    onFull: () => seen.push(`full after ${pulled}`),
    onRoom: () => seen.push(`room after ${pulled}`),
  });
  expect([ahead?.windowBytes, behind?.windowBytes]).toEqual([100_000, 2_000]);
  const first = ahead?.next();
  await first;
  await new Promise((resolve) => setImmediate(resolve));
  expect([seen, behind?.waitingBytes]).toEqual([["full after 2"], 2_000]);
  behind?.drop(new Error("too slow"));
  let bytes = (await first)?.value?.byteLength ?? 0;
  for await (const chunk of ahead ?? []) bytes += chunk.byteLength;
  expect([bytes, seen[1], pulled]).toEqual([10_000, "room after 2", 10]);
  await expect(behind?.next()).rejects.toThrow("too slow");
});
