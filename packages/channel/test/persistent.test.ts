import { type ChannelOptions, channel } from "@omni/channel";
import { all, settles, some } from "./messages.ts";

describe.each(["queue", "pubsub"] as const)("a persistent channel in %s mode", (mode) => {
  const persistent = (retain?: ChannelOptions["retain"]) =>
    channel({ persistent: true, mode, bufferSize: 2, ...(retain && { retain }) });

  it("replays everything to a late reader, each message once and on its own, then what is live, then the end", async () => {
    const backend = persistent();
    const writer = backend.createWriter("data");
    await writer.write("message 1");
    await writer.write("message 2");
    const reader = await backend.read("data");
    await writer.write("message 3");
    await writer.close();
    expect(await all(reader)).toEqual(["message 1", "message 2", "message 3"]);
  });

  it("replays everything to every reader, also after its last writer has closed", async () => {
    const backend = persistent();
    await backend.write("input", ["1", "2", "3", "4"]);
    const [one, two] = [await backend.read("input"), await backend.read("input")];
    expect(await all(one)).toEqual(["1", "2", "3", "4"]);
    expect(await all(two)).toEqual(["1", "2", "3", "4"]);
    expect(await all(await backend.read("input"))).toEqual(["1", "2", "3", "4"]);
    expect(await backend.stat("input")).toMatchObject({ messages: 4, size: 4, isOpen: false });
  });

  it("stores past bufferSize without a reader", async () => {
    const backend = persistent();
    const writer = backend.createWriter("data");
    const sent = Array.from({ length: 1000 }, (_, i) => String(i));
    for (const message of sent) await writer.write(message);
    await writer.close();
    expect(await all(await backend.read("data"))).toEqual(sent);
  });

  it("keeps what later writers add, from the start", async () => {
    const backend = persistent();
    await backend.write("data", ["1", "2"]);
    const early = (await backend.read("data")).messages();
    expect(await some(early, 1)).toEqual(["1"]);
    await backend.write("data", ["3"]);
    expect(await some(early, 9)).toEqual(["2"]);
    expect(await all(await backend.read("data"))).toEqual(["1", "2", "3"]);
  });

  it("hands every reader bytes of its own", async () => {
    const backend = persistent();
    await backend.write("data", "same");
    const first = (await backend.read("data")).messages();
    (await first.next()).value?.fill(0);
    expect(await all(await backend.read("data"))).toEqual(["same"]);
  });

  it("forgets a path that is deleted", async () => {
    const backend = persistent();
    await backend.write("data", "1");
    await backend.write("data", "2");
    await backend.delete("data");
    expect(await backend.exists("data")).toBe(false);
    await backend.write("data", "3");
    expect(await all(await backend.read("data"))).toEqual(["3"]);
  });

  it("rejects at a reader that has not had all when the path is deleted, also one of an earlier stream", async () => {
    const backend = persistent();
    await backend.write("data", ["1", "2"]);
    const early = (await backend.read("data")).messages();
    await backend.write("data", "3");
    expect(await some(early, 1)).toEqual(["1"]);
    await backend.delete("data");
    await expect(early.next()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("takes back what an aborted writer added, and keeps what was there", async () => {
    const backend = persistent();
    await backend.write("data", ["1", "2"]);
    const writer = backend.createWriter("data");
    await writer.write("3");
    const during = (await backend.read("data")).messages();
    expect(await some(during, 3)).toEqual(["1", "2", "3"]);
    await writer.abort(new Error("broken"));
    await expect(during.next()).rejects.toThrow("broken");
    expect(await all(await backend.read("data"))).toEqual(["1", "2"]);
    await backend.write("data", "4");
    expect(await all(await backend.read("data"))).toEqual(["1", "2", "4"]);
  });

  it("rejects with QUEUE_FULL past the number of messages, and keeps what is stored", async () => {
    const backend = persistent({ messages: 2 });
    const writer = backend.createWriter("data");
    await writer.write("1");
    await writer.write("2");
    await expect(writer.write("3")).rejects.toMatchObject({
      code: "QUEUE_FULL",
      outcome: "not-applied",
      message: 'channel write "data": the channel would store more than retain.messages = 2; delete the path, or raise the bound',
    });
    expect(await writer.close()).toEqual({ path: "data", size: 2 });
    expect(await all(await backend.read("data"))).toEqual(["1", "2"]);
  });

  it("rejects with QUEUE_FULL past the bytes; a one-shot write is then withdrawn whole", async () => {
    const backend = persistent({ bytes: 10 });
    await backend.write("data", "123456");
    await expect(backend.write("data", ["1234", "5"])).rejects.toMatchObject({ code: "QUEUE_FULL" });
    await backend.write("data", "7890");
    expect(await all(await backend.read("data"))).toEqual(["123456", "7890"]);
  });

  it("rejects with QUEUE_FULL past the age of its first message", async () => {
    let now = 1_000;
    const clock = { now: () => now, setTimeout: () => undefined, clearTimeout: () => {} };
    const backend = channel({ persistent: true, mode, retain: { ageMs: 500 }, clock });
    const writer = backend.createWriter("data");
    await writer.write("1");
    now = 1_500;
    await writer.write("2");
    now = 1_501;
    await expect(writer.write("3")).rejects.toMatchObject({
      code: "QUEUE_FULL",
      message: expect.stringContaining("retain.ageMs = 500"),
    });
    await writer.close();
    expect(await all(await backend.read("data"))).toEqual(["1", "2"]);
    await backend.delete("data");
    await backend.write("data", "4");
  });

  it("waits for the first writer where nothing was ever written, and remembers no empty write", async () => {
    const backend = persistent();
    const writer = backend.createWriter("data");
    await writer.close();
    expect(await backend.exists("data")).toBe(false);
    const pending = (await backend.read("data")).messages().next();
    expect(await settles(pending)).toBe(false);
    await backend.close();
    await expect(pending).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
  });
});

describe("live messages after the replay", () => {
  it("follow the mode: readers of a queue compete for them", async () => {
    const backend = channel({ persistent: true });
    const writer = backend.createWriter("jobs");
    await writer.write("old");
    const [one, two] = [(await backend.read("jobs")).messages(), (await backend.read("jobs")).messages()];
    expect([await some(one, 1), await some(two, 1)]).toEqual([["old"], ["old"]]);
    await writer.write("a");
    await writer.write("b");
    await writer.close();
    expect([await some(one, 1), await some(two, 9), await some(one, 9)]).toEqual([["a"], ["b"], []]);
  });

  it("reach each reader of a pubsub", async () => {
    const backend = channel({ persistent: true, mode: "pubsub" });
    const writer = backend.createWriter("jobs");
    await writer.write("old");
    const [one, two] = [await backend.read("jobs"), await backend.read("jobs")];
    await writer.write("a");
    await writer.close();
    expect([await all(one), await all(two)]).toEqual([
      ["old", "a"],
      ["old", "a"],
    ]);
  });

  it("reach a reader that came late and had them by replay no second time, and still reach one that was there before", async () => {
    const backend = channel({ persistent: true });
    const early = (await backend.read("jobs")).messages();
    const writer = backend.createWriter("jobs");
    await writer.write("1");
    await writer.write("2");
    const late = (await backend.read("jobs")).messages();
    await writer.write("3");
    expect(await some(late, 3)).toEqual(["1", "2", "3"]);
    await writer.write("4");
    await writer.close();
    expect(await some(early, 9)).toEqual(["1", "2", "4"]);
    expect(await some(late, 9)).toEqual([]);
  });

  it("go to nobody else when the only reader that could have them is gone: the next one has them by replay", async () => {
    const backend = channel({ persistent: true });
    const early = await backend.read("jobs");
    const writer = backend.createWriter("jobs");
    await writer.write("1");
    const late = (await backend.read("jobs")).messages();
    await early.close();
    await writer.write("2");
    expect(await some(late, 2)).toEqual(["1", "2"]);
    const later = await backend.read("jobs");
    await writer.close();
    expect(await some(late, 9)).toEqual([]);
    expect(await all(later)).toEqual(["1", "2"]);
  });
});
