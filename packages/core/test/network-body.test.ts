import { Readable } from "node:stream";
import { NetworkBody } from "@omni/core";

const pieces = (): Readable => Readable.from([Buffer.from("one"), Buffer.from("two")]);

test("gives the chunks of its stream", async () => {
  const chunks: string[] = [];
  for await (const chunk of new NetworkBody(pieces())) chunks.push(Buffer.from(chunk).toString());
  expect(chunks).toEqual(["one", "two"]);
});

test("ends its stream when it is left, before and after its first chunk", async () => {
  for (const reads of [0, 1]) {
    const stream = pieces();
    const body = new NetworkBody(stream);
    for (let read = 0; read < reads; read++) await body.next();
    expect(await body.return()).toEqual({ done: true, value: undefined });
    expect(stream.destroyed).toBe(true);
    expect(await body.next()).toEqual({ done: true, value: undefined });
  }
});

test("fails as its stream does", async () => {
  const stream = pieces();
  const body = new NetworkBody(stream);
  await body.next();
  stream.destroy(new Error("the connection broke"));
  await expect(body.next()).rejects.toThrow("the connection broke");
});

test("what is made of the stream may be given", async () => {
  const stream = pieces();
  async function* loud(): AsyncGenerator<Uint8Array, undefined> {
    for await (const chunk of stream) yield Buffer.from(String(chunk).toUpperCase());
  }
  const body = new NetworkBody(stream, loud());
  expect(Buffer.from((await body.next()).value ?? []).toString()).toBe("ONE");
  await body.return();
  expect(stream.destroyed).toBe(true);
});
