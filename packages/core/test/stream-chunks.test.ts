import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { StreamChunks } from "../src/stream-chunks.ts";

/** What `for await` sees: chunks, then the end or the error. */
async function seen(chunks: AsyncIterator<Uint8Array, undefined>): Promise<readonly string[]> {
  const all: string[] = [];
  try {
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) return [...all, "end"];
      all.push(Buffer.from(value).toString());
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return [...all, code ?? message];
  }
}

const ways: Readonly<Record<string, () => Readable>> = {
  ends: () => Readable.from([Buffer.from("a"), Buffer.from("b")]),
  "is empty": () => Readable.from([]),
  "fails at once": () =>
    new Readable({
      read() {
        this.destroy(new Error("broken"));
      },
    }),
  "fails after a chunk": () => {
    let reads = 0;
    return new Readable({
      read() {
        if (reads++ === 0) this.push("a");
        else this.destroy(new Error("broken"));
      },
    });
  },
  "is closed early": () => {
    let reads = 0;
    return new Readable({
      read() {
        if (reads++ === 0) this.push("a");
        else this.destroy();
      },
    });
  },
  "was destroyed before": () => new PassThrough().destroy(),
  "had failed before": () => new PassThrough().on("error", () => undefined).destroy(new Error("broken")),
  "comes late": () => {
    const stream = new PassThrough();
    setImmediate(() => stream.write("a", () => setImmediate(() => stream.end("b"))));
    return stream;
  },
};

test.each(Object.entries(ways))("of a stream that %s: as Node's own iterator", async (_, make) => {
  const expected = await seen(make()[Symbol.asyncIterator]());
  expect(await seen(new StreamChunks(make()))).toEqual(expected);
});

test("after the end, and after an error, there is nothing more", async () => {
  for (const way of ["ends", "fails at once"]) {
    const chunks = new StreamChunks((ways[way] as () => Readable)());
    await seen(chunks);
    expect(await chunks.next()).toEqual({ done: true, value: undefined });
  }
});

test("left while a chunk is waited for: the wait ends, and the stream", async () => {
  const stream = new PassThrough();
  const chunks = new StreamChunks(stream);
  const waiting = chunks.next();
  expect(await chunks.return()).toEqual({ done: true, value: undefined });
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(stream.destroyed).toBe(true);
});

describe("of an answer over HTTP", () => {
  async function answer(
    reply: (end: () => void, write: (text: string) => void, cut: () => void) => void,
  ): Promise<readonly string[][]> {
    const server = createServer((_, response) => {
      response.setHeader("content-length", 6);
      reply(
        () => response.end("def"),
        (text) => response.write(text),
        () => response.destroy(),
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const results: string[][] = [];
    for (const iterate of [
      (message: IncomingMessage) => message[Symbol.asyncIterator](),
      (message: IncomingMessage) => new StreamChunks(message),
    ]) {
      const [message] = (await once(get({ port, host: "127.0.0.1", agent: false }), "response")) as [IncomingMessage];
      const chunks = await seen(iterate(message));
      results.push([chunks.slice(0, -1).join(""), String(chunks.at(-1))]);
    }
    server.close();
    return results;
  }

  test("that is whole", async () => {
    const [nodes, ours] = await answer((end, write) => {
      write("abc");
      setImmediate(end);
    });
    expect(ours).toEqual(["abcdef", "end"]);
    expect(ours).toEqual(nodes);
  });

  test("that breaks off: an error, never a short body", async () => {
    const [nodes, ours] = await answer((_, write, cut) => {
      write("abc");
      setImmediate(() => setImmediate(cut));
    });
    expect(ours?.[1]).toBe("ECONNRESET");
    expect(ours?.[1]).toBe(nodes?.[1]);
  });
});
