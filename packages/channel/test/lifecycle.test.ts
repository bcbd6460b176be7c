import { channel } from "@omni/channel";
import { all, settles, some } from "./messages.ts";

describe("closing", () => {
  it("rejects sends after the close with WRITER_CLOSED, those of a second writer go on", async () => {
    const backend = channel();
    const first = backend.createWriter("a");
    const second = backend.createWriter("a");
    await first.write("1");
    await first.close();
    await expect(first.write("2")).rejects.toMatchObject({ code: "WRITER_CLOSED" });
    await second.write("3");
    await second.close();
    expect(await all(await backend.read("a"))).toEqual(["1", "3"]);
  });

  it("lets a second writer close while a send of the first waits: the send goes through", async () => {
    const backend = channel({ bufferSize: 1 });
    const first = backend.createWriter("a");
    const second = backend.createWriter("a");
    await first.write("1");
    const waiting = first.write("2");
    await second.close();
    expect(await settles(waiting)).toBe(false);
    const reader = await backend.read("a");
    const closed = first.close();
    expect(await all(reader)).toEqual(["1", "2"]);
    await Promise.all([waiting, closed]);
  });

  it("closes a reader at once while it waits, and its wait ends", async () => {
    const backend = channel();
    for (const taken of ["messages", "bytes"] as const) {
      const reader = await backend.read("a");
      const iterator = taken === "messages" ? reader.messages() : reader[Symbol.asyncIterator]();
      const pending = iterator.next();
      expect(await settles(pending)).toBe(false);
      await reader.close();
      expect((await pending).done).toBe(true);
      await reader.close();
      expect(backend.channelCount).toBe(0);
    }
  });

  it("makes a reader that is closed before its messages are taken give none", async () => {
    const backend = channel();
    await backend.write("a", "1");
    const reader = await backend.read("a");
    await reader.close();
    expect(() => reader.messages()).toThrow(expect.objectContaining({ code: "READER_CLOSED" }));
    expect(await all(await backend.read("a"))).toEqual(["1"]);
  });
});

describe("delete", () => {
  it("during a send: the send and the close reject with WRITER_CLOSED, the reader with NOT_FOUND", async () => {
    const backend = channel({ bufferSize: 1 });
    const writer = backend.createWriter("a");
    const messages = (await backend.read("a")).messages();
    await writer.write("1");
    const sends = [writer.write("2"), writer.write("3")];
    const outcomes = Promise.allSettled(sends);
    await backend.delete("a");
    expect(await outcomes).toEqual(
      sends.map(() => ({ status: "rejected", reason: expect.objectContaining({ code: "WRITER_CLOSED", path: "a" }) })),
    );
    await expect(writer.write("4")).rejects.toMatchObject({
      code: "WRITER_CLOSED",
      message: 'channel write "a": the channel was deleted',
    });
    await expect(writer.close()).rejects.toMatchObject({ code: "WRITER_CLOSED" });
    await expect(messages.next()).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(backend.channelCount).toBe(0);
  });

  it("during a close that waits: the close rejects", async () => {
    const backend = channel({ bufferSize: 1 });
    const writer = backend.createWriter("a");
    await writer.write("1");
    const late = writer.write("2");
    const closed = writer.close();
    await backend.delete("a");
    await expect(closed).rejects.toMatchObject({ code: "WRITER_CLOSED" });
    await expect(late).rejects.toMatchObject({ code: "WRITER_CLOSED" });
  });

  it("while a reader waits: the wait rejects, what is opened later is new", async () => {
    const backend = channel();
    const pending = (await backend.read("a")).messages().next();
    const rejected = expect(pending).rejects.toMatchObject({ code: "NOT_FOUND", operation: "read" });
    await backend.delete("a");
    await rejected;
    await backend.write("a", "new");
    expect(await all(await backend.read("a"))).toEqual(["new"]);
  });

  it("drops what waited, and a missing channel is no error", async () => {
    const backend = channel();
    await backend.write("a", "1");
    await backend.write("a", "2");
    await backend.delete("a");
    await backend.delete("a");
    expect(await backend.exists("a")).toBe(false);
    expect(await backend.deleteMany(["a", "b"])).toEqual({ deleted: 2, errors: [] });
  });
});

describe("abort", () => {
  it("makes readers reject after what they already took, with the reason", async () => {
    const backend = channel();
    const messages = (await backend.read("a")).messages();
    const writer = backend.createWriter("a");
    for (const message of ["1", "2", "3"]) await writer.write(message);
    expect(await some(messages, 1)).toEqual(["1"]);
    const reason = new Error("the source broke");
    await writer.abort(reason);
    for (const again of [1, 2])
      await expect(messages.next())
        .rejects.toMatchObject({
          message: 'channel read "a": a writer aborted the channel: the source broke',
          cause: reason,
          path: "a",
        })
        .catch((error) => {
          throw new Error(`call ${again}`, { cause: error });
        });
    await expect(writer.write("4")).rejects.toMatchObject({ code: "WRITER_CLOSED" });
    expect(await backend.exists("a")).toBe(false);
  });

  it("tells the other writers, so that none believes its messages arrived", async () => {
    const backend = channel({ bufferSize: 1 });
    const [first, second] = [backend.createWriter("a"), backend.createWriter("a")];
    await second.write("1");
    const waiting = second.write("2");
    await first.abort(new Error("no more"));
    await expect(waiting).rejects.toMatchObject({ code: "WRITER_CLOSED", message: expect.stringContaining("no more") });
    await expect(second.write("3")).rejects.toMatchObject({ code: "WRITER_CLOSED" });
    await expect(second.close()).rejects.toMatchObject({ code: "WRITER_CLOSED" });
    await second.abort();
  });

  it("follows when a write's source throws, and when a writer is left without close", async () => {
    const backend = channel();
    const reader = await backend.read("a");
    async function* source(): AsyncGenerator<string> {
      yield "1";
      throw new Error("disk full");
    }
    await expect(backend.write("a", source())).rejects.toThrow("disk full");
    await expect(all(reader)).rejects.toThrow("disk full");

    const other = await backend.read("b");
    const writer = backend.createWriter("b");
    await writer.write("1");
    await writer[Symbol.asyncDispose]();
    await expect(other.text()).rejects.toThrow("aborted");
  });

  it("leaves the ended stream before it to its readers", async () => {
    const backend = channel();
    await backend.write("a", ["1", "2"]);
    const writer = backend.createWriter("a");
    await writer.write("3");
    await writer.abort();
    expect(await all(await backend.read("a"))).toEqual(["1", "2"]);
    expect(await backend.exists("a")).toBe(false);
  });
});

describe("signals", () => {
  it("ends a waiting write with the reason itself, and aborts the channel", async () => {
    const backend = channel({ bufferSize: 1 });
    const controller = new AbortController();
    const reason = new Error("shutting down");
    const reader = await backend.read("a");
    const writer = backend.createWriter("a", { signal: controller.signal });
    await writer.write("1");
    const waiting = writer.write("2");
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(writer.write("3")).rejects.toBe(reason);
    await expect(writer.close()).rejects.toBe(reason);
    await expect(all(reader)).rejects.toMatchObject({ cause: reason });
  });

  it("ends a waiting one-shot write with the reason itself", async () => {
    const backend = channel({ bufferSize: 1 });
    await backend.write("a", "1");
    const controller = new AbortController();
    const waiting = backend.write("a", "2", { signal: controller.signal });
    const rejected = expect(waiting).rejects.toBe("stop");
    controller.abort("stop");
    await rejected;
    expect(await all(await backend.read("a"))).toEqual(["1"]);
  });

  it("ends a waiting reader with the reason itself, as messages and as bytes, also beside a time limit", async () => {
    const backend = channel();
    for (const taken of ["messages", "bytes"] as const)
      for (const limit of [{}, { timeoutMs: 60_000 }]) {
        const controller = new AbortController();
        const reason = new Error("enough");
        const reader = await backend.read("a", { signal: controller.signal, ...limit });
        const pending = (taken === "messages" ? reader.messages() : reader[Symbol.asyncIterator]()).next();
        const rejected = expect(pending).rejects.toBe(reason);
        controller.abort(reason);
        await rejected;
        expect(backend.channelCount).toBe(0);
      }
  });

  it("refuses what starts after the abort", async () => {
    const backend = channel();
    const signal = AbortSignal.abort("over");
    await expect(backend.read("a", { signal })).rejects.toBe("over");
    await expect(backend.write("a", "1", { signal })).rejects.toBe("over");
    expect(backend.channelCount).toBe(0);
  });
});
