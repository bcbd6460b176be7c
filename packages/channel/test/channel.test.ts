import { channel } from "@omni/channel";
import { copyBetween, OmniError } from "@omni/core";
import { all, bytes, settles, some, text } from "./messages.ts";

describe("a channel", () => {
  it("takes each write of a writer as one message and keeps the boundaries, also of empty ones", async () => {
    const backend = channel();
    const reader = await backend.read("events");
    const writer = backend.createWriter("events");
    for (const message of ["event1", "", "event2", "event3"]) await writer.write(message);
    expect(await writer.close()).toEqual({ path: "events", size: 18 });
    expect(await all(reader)).toEqual(["event1", "", "event2", "event3"]);
  });

  it("opens for a reader at once and waits with the first message", async () => {
    const backend = channel();
    const messages = (await backend.read("events")).messages();
    const first = messages.next();
    expect(await settles(first)).toBe(false);
    const writer = backend.createWriter("events");
    await writer.write("now");
    expect(await first).toEqual({ done: false, value: bytes("now") });
    const second = messages.next();
    expect(await settles(second)).toBe(false);
    await writer.close();
    expect(await second).toEqual({ done: true, value: undefined });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  it("streams the bytes of its messages, as any reader of a backend", async () => {
    const backend = channel();
    await backend.write("greeting", ["hello, ", "", "world"]);
    expect(await (await backend.read("greeting")).text()).toBe("hello, world");
    await backend.write("numbers", "[1, 2]");
    expect(await (await backend.read("numbers")).json()).toEqual([1, 2]);
    await backend.write("node", ["a", "b"]);
    const chunks: Buffer[] = [];
    for await (const chunk of (await backend.read("node")).toNode()) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("ab");
    await backend.write("web", ["c", "d"]);
    expect(await new Response((await backend.read("web")).toWeb()).text()).toBe("cd");
  });

  it("copies: the bytes given to a write may be used again", async () => {
    const backend = channel();
    for (const size of [4, 64, 65, 1000, 5000, 100_000]) {
      const scratch = new Uint8Array(size).fill(1);
      const writer = backend.createWriter(`size/${size}`);
      await writer.write(scratch);
      scratch.fill(2);
      await writer.write(scratch);
      await writer.close();
      scratch.fill(3);
      const messages = (await backend.read(`size/${size}`)).messages();
      const first = await messages.next();
      const second = await messages.next();
      expect([
        (first.value as Uint8Array).every((byte) => byte === 1),
        (second.value as Uint8Array).every((byte) => byte === 2),
      ]).toEqual([true, true]);
      await messages.return?.();
    }
  });

  it("makes a writer wait when its buffer is full, and wakes it when half of it is free", async () => {
    const backend = channel({ bufferSize: 4 });
    const writer = backend.createWriter("events");
    for (const message of ["1", "2", "3", "4"]) await writer.write(message);
    const fifth = writer.write("5");
    const sixth = writer.write("6");
    expect(await settles(fifth)).toBe(false);
    const messages = (await backend.read("events")).messages();
    expect(await some(messages, 1)).toEqual(["1"]);
    expect(await settles(fifth)).toBe(false);
    expect(await some(messages, 1)).toEqual(["2"]);
    await Promise.all([fifth, sixth]);
    const closed = writer.close();
    expect(await some(messages, 9)).toEqual(["3", "4", "5", "6"]);
    expect(await closed).toEqual({ path: "events", size: 6 });
  });

  it("closes a writer only when all that it sent is in", async () => {
    const backend = channel({ bufferSize: 1 });
    const writer = backend.createWriter("events");
    const writes = ["1", "2", "3"].map((message) => writer.write(message));
    const closed = writer.close();
    expect(await settles(closed)).toBe(false);
    expect(await all(await backend.read("events"))).toEqual(["1", "2", "3"]);
    await Promise.all([...writes, closed]);
  });

  it("holds what was written until it is drained, also after its last writer has closed", async () => {
    const backend = channel();
    await backend.write("late", ["a", "b"]);
    expect(backend.channelCount).toBe(0);
    expect(await backend.stat("late")).toEqual({ path: "late", size: 2, messages: 2, readers: 0, writers: 0, isOpen: false });
    expect(await all(await backend.read("late"))).toEqual(["a", "b"]);
    expect(await backend.exists("late")).toBe(false);
  });

  it("keeps one write after another apart: a reader ends with the write that it began", async () => {
    const backend = channel();
    await backend.write("jobs", "first");
    await backend.write("jobs", "second");
    expect(await all(await backend.read("jobs"))).toEqual(["first"]);
    expect(await all(await backend.read("jobs"))).toEqual(["second"]);
  });

  it("bounds what waits at a path over all that was written there", async () => {
    const backend = channel({ bufferSize: 2 });
    await backend.write("jobs", "1");
    await backend.write("jobs", "2");
    const third = backend.write("jobs", "3");
    expect(await settles(third)).toBe(false);
    expect(await all(await backend.read("jobs"))).toEqual(["1"]);
    await third;
    expect(await all(await backend.read("jobs"))).toEqual(["2"]);
    expect(await all(await backend.read("jobs"))).toEqual(["3"]);
  });

  it("ends for its readers when its last writer closes, and begins anew with the next writer", async () => {
    const backend = channel();
    const reader = await backend.read("events");
    const first = backend.createWriter("events");
    const second = backend.createWriter("events");
    await first.write("1");
    await first.close();
    await second.write("2");
    await second.close();
    const later = backend.createWriter("events");
    await later.write("3");
    expect(await all(reader)).toEqual(["1", "2"]);
    const next = (await backend.read("events")).messages();
    expect(await some(next, 1)).toEqual(["3"]);
    await later.close();
    expect((await next.next()).done).toBe(true);
  });

  it("answers calls of next in their order, without waiting for each", async () => {
    const backend = channel();
    const messages = (await backend.read("events")).messages();
    const early = [messages.next(), messages.next()];
    const writer = backend.createWriter("events");
    const writes = ["1", "2", "3", "4"].map((message) => writer.write(message));
    const late = [messages.next(), messages.next(), messages.next()];
    await Promise.all(writes);
    await writer.close();
    const steps = await Promise.all([...early, ...late]);
    expect(steps.map((step) => (step.done ? "end" : text(step.value)))).toEqual(["1", "2", "3", "4", "end"]);
  });

  it("says what is known: in stat, in list, and in the count of open channels", async () => {
    const backend = channel();
    const writer = backend.createWriter("b/two");
    await writer.write("12345");
    await backend.read("a/one");
    expect(await backend.stat("b/two")).toEqual({ path: "b/two", size: 5, messages: 1, readers: 0, writers: 1, isOpen: true });
    const listed = async (prefix?: string): Promise<string[]> => {
      const paths: string[] = [];
      for await (const { path } of backend.list(prefix)) paths.push(path);
      return paths;
    };
    expect(await listed()).toEqual(["a/one", "b/two"]);
    expect(await listed("b")).toEqual(["b/two"]);
    expect(backend.channelCount).toBe(2);
    await expect(backend.stat("c")).rejects.toMatchObject({ code: "NOT_FOUND", path: "c" });
    expect(await backend.exists("c")).toBe(false);
  });

  it("counts channels that are open, not those that were closed", async () => {
    const backend = channel();
    const writer = backend.createWriter("a");
    const reader = await backend.read("b");
    expect(backend.channelCount).toBe(2);
    await writer.close();
    expect(backend.channelCount).toBe(1);
    await reader.close();
    expect(backend.channelCount).toBe(0);
    for await (const { path } of backend.list()) throw new Error(`${path} is still there`);
  });

  it("has no ranges, no copies and no moves, and says so before anything is opened", async () => {
    const backend = channel();
    for (const call of [
      () => backend.read("a", { offset: 1 }),
      () => backend.read("a", { limit: 1 }),
      () => backend.copy("a", "b"),
      () => backend.move("a", "b"),
      () => backend.write("a", "x", { ifNoneMatch: "*" }),
      () => backend.stage("a", "x"),
    ])
      await expect(call()).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    expect(backend.channelCount).toBe(0);
  });

  it("copies to a store what comes until the channel ends", async () => {
    const [live, store] = [channel(), channel({ persistent: true })];
    const copied = copyBetween(live, "a", store);
    await live.write("a", ["one ", "two"]);
    expect((await copied).size).toBe(7);
    expect(await (await store.read("a")).text()).toBe("one two");
  });

  it("gives its messages once: as messages or as bytes", async () => {
    const backend = channel();
    await backend.write("a", ["1", "2"]);
    const reader = await backend.read("a");
    const messages = reader.messages();
    expect(() => reader.messages()).toThrow(expect.objectContaining({ code: "READER_CLOSED" }));
    expect(await some(messages, 1)).toEqual(["1"]);
    await expect(reader.bytes()).rejects.toMatchObject({ code: "READER_CLOSED" });
    await expect(messages.next()).rejects.toMatchObject({ code: "READER_CLOSED" });

    const other = await backend.read("a");
    expect(await other.text()).toBe("2");
    expect(() => other.messages()).toThrow(expect.objectContaining({ code: "READER_CLOSED" }));
  });

  it("leaves what a reader did not take to the next one", async () => {
    const backend = channel();
    await backend.write("a", ["1", "2", "3"]);
    for await (const message of (await backend.read("a")).messages()) {
      expect(text(message)).toBe("1");
      break;
    }
    expect(await all(await backend.read("a"))).toEqual(["2", "3"]);
  });

  it("refuses every call after its backend was closed, and ends what waits with BACKEND_CLOSED", async () => {
    const backend = channel({ bufferSize: 1 });
    const messages = (await backend.read("reading")).messages();
    const writer = backend.createWriter("writing");
    await writer.write("1");
    const waits = [
      messages.next(),
      writer.write("2"),
      backend.broadcast("writing", "3").then(({ outcomes }) => outcomes[0]?.state),
    ];
    const settled = Promise.allSettled(waits);
    await backend.close();
    expect(await settled).toEqual([
      { status: "rejected", reason: expect.objectContaining({ code: "BACKEND_CLOSED" }) },
      { status: "rejected", reason: expect.objectContaining({ code: "BACKEND_CLOSED" }) },
      { status: "fulfilled", value: "ended" },
    ]);
    await expect(backend.read("reading")).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
    await expect(backend.broadcast("", "x")).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
    await expect(writer.close()).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
    expect(() => backend.createWriter("writing")).toThrow(OmniError);
    expect(backend.channelCount).toBe(0);
  });
});
