import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { PushBody } from "../src/push-body.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function takeOneOfTwo(body: PushBody): Promise<WeakRef<object>> {
  const first = new Uint8Array(1_000);
  await body.push(first);
  await body.push(new Uint8Array(1_000));
  expect((await body.next()).value).toBe(first);
  return new WeakRef(first);
}

test("a chunk that was taken is let go of while others wait", async () => {
  const body = new PushBody();
  const taken = await takeOneOfTwo(body);
  // What a WeakRef was asked for stays alive for the turn.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(taken.deref()).toBeUndefined();
  expect((await body.next()).value?.byteLength).toBe(1_000);
});
