import { channel } from "@omni/channel";
import { MultiError } from "@omni/core";
import { all, settles, some } from "./messages.ts";

describe("broadcast", () => {
  it("reaches every open channel under the prefix, also those that have only readers", async () => {
    const backend = channel();
    const subscribers = await Promise.all([0, 1, 2].map((i) => backend.read(`subscriber/${i}`)));
    const outside = backend.createWriter("other");
    const waiting = subscribers.map((reader) => reader.messages().next());
    const report = await backend.broadcast("subscriber/", "event data");
    expect(report).toEqual({
      channels: 3,
      delivered: 3,
      dropped: 0,
      outcomes: [0, 1, 2].map((i) => ({ member: `subscriber/${i}`, state: "delivered" })),
    });
    for (const step of await Promise.all(waiting)) expect(Buffer.from(step.value as Uint8Array).toString()).toBe("event data");
    await outside.close();
    expect(await backend.broadcast("nobody/", "x")).toEqual({ channels: 0, delivered: 0, dropped: 0, outcomes: [] });
  });

  it("takes its prefix as a plain string, and no path outside of the rules", async () => {
    const backend = channel();
    await backend.read("ab");
    await backend.read("a/b");
    expect((await backend.broadcast("a", "x")).channels).toBe(2);
    expect((await backend.broadcast("", "x")).channels).toBe(2);
    await expect(backend.broadcast("../", "x")).rejects.toMatchObject({ code: "INVALID_PATH" });
    await expect(backend.broadcast("a", 7 as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is one message among those of the writers, in the order in which it came", async () => {
    const backend = channel();
    const writer = backend.createWriter("a");
    await writer.write("1");
    await backend.broadcast("a", "all");
    await writer.write("2");
    await writer.close();
    expect(await all(await backend.read("a"))).toEqual(["1", "all", "2"]);
  });

  it("waits where the buffer is full", async () => {
    const backend = channel({ bufferSize: 1 });
    const full = (await backend.read("full")).messages();
    const free = (await backend.read("free")).messages();
    const writer = backend.createWriter("full");
    await writer.write("1");
    const report = backend.broadcast("f", "all");
    expect(await some(free, 1)).toEqual(["all"]);
    expect(await settles(report)).toBe(false);
    expect(await some(full, 2)).toEqual(["1", "all"]);
    expect(await report).toMatchObject({ channels: 2, delivered: 2, dropped: 0 });
  });

  it("drops where the buffer is full only when the backend is lossy, and says so; writers still wait", async () => {
    const backend = channel({ bufferSize: 1, lossy: true });
    const writer = backend.createWriter("full");
    await writer.write("1");
    await backend.read("free");
    expect(await backend.broadcast("f", "all")).toEqual({
      channels: 2,
      delivered: 1,
      dropped: 1,
      outcomes: [
        { member: "free", state: "delivered" },
        { member: "full", state: "dropped" },
      ],
    });
    const second = writer.write("2");
    expect(await settles(second)).toBe(false);
    const reader = await backend.read("full");
    const closed = writer.close();
    expect(await all(reader)).toEqual(["1", "2"]);
    await Promise.all([second, closed]);
  });

  it("says where the channel ended before there was room", async () => {
    const backend = channel({ bufferSize: 1 });
    const writer = backend.createWriter("a");
    await writer.write("1");
    const deleted = backend.createWriter("b");
    await deleted.write("1");
    const report = backend.broadcast("", "all");
    await writer.close();
    await backend.delete("b");
    expect(await report).toMatchObject({
      channels: 2,
      delivered: 0,
      dropped: 0,
      outcomes: [{ state: "ended" }, { state: "ended" }],
    });
    expect(await all(await backend.read("a"))).toEqual(["1"]);
  });

  it("comes too late behind the last message of a writer that closes, also while a reader takes", async () => {
    const backend = channel({ bufferSize: 1, mode: "pubsub" });
    const writer = backend.createWriter("a");
    const writes = ["1", "2", "3"].map((message) => writer.write(message));
    const slow = (await backend.read("a")).messages();
    const fast = (await backend.read("a")).messages();
    const closed = writer.close();
    const ahead = Promise.all([fast.next(), fast.next(), fast.next()]);
    const report = backend.broadcast("a", "all");
    const behind = Promise.all([slow.next(), slow.next(), slow.next(), slow.next()]);
    expect((await report).outcomes).toEqual([{ member: "a", state: "ended" }]);
    expect((await behind).map(({ done }) => done)).toEqual([false, false, false, true]);
    expect((await ahead).map(({ done }) => done)).toEqual([false, false, true]);
    await Promise.all([...writes, closed]);
    expect(await backend.exists("a")).toBe(false);
  });

  it("withdraws what still waits when its signal aborts", async () => {
    const backend = channel({ bufferSize: 1 });
    const writer = backend.createWriter("a");
    await writer.write("1");
    const controller = new AbortController();
    const report = backend.broadcast("a", "all", { signal: controller.signal });
    const rejected = expect(report).rejects.toBe("enough");
    controller.abort("enough");
    await rejected;
    await expect(backend.broadcast("a", "all", { signal: controller.signal })).rejects.toBe("enough");
    const reader = await backend.read("a");
    await writer.close();
    expect(await all(reader)).toEqual(["1"]);
  });

  it("does not reach what is closed: an ended channel is only drained", async () => {
    const backend = channel();
    await backend.write("ended", "1");
    expect(await backend.broadcast("", "all")).toMatchObject({ channels: 0 });
    expect(await all(await backend.read("ended"))).toEqual(["1"]);
  });

  it("goes with the last reader of a channel that nobody wrote to", async () => {
    const backend = channel();
    const reader = await backend.read("a");
    await backend.broadcast("a", "unread");
    await reader.close();
    expect(await backend.exists("a")).toBe(false);
  });

  it("is stored by persistent channels, and past a bound the error names every channel", async () => {
    const backend = channel({ persistent: true, retain: { messages: 1 } });
    const full = backend.createWriter("full");
    await full.write("1");
    await backend.read("free");
    const error = await backend.broadcast("f", "all").catch((reason: unknown) => reason);
    expect(MultiError.is(error, "PARTIAL_FAILURE") && error.every("QUEUE_FULL")).toBe(true);
    expect(error).toMatchObject({
      operation: "broadcast",
      outcomes: [
        { member: "free", state: "delivered" },
        { member: "full", state: "failed", error: { code: "QUEUE_FULL", path: "full" } },
      ],
    });
  });
});
