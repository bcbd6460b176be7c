import { channel } from "@omni/channel";
import { all, settles, some, text } from "./messages.ts";

describe("queue mode", () => {
  it("is the default: readers compete, each message goes to one of them", async () => {
    const backend = channel({ bufferSize: 8 });
    const readers = await Promise.all([1, 2, 3].map(() => backend.read("jobs")));
    const got = readers.map((reader) => all(reader));
    const writer = backend.createWriter("jobs");
    const sent = Array.from({ length: 300 }, (_, i) => String(i));
    for (const message of sent) await writer.write(message);
    await writer.close();
    const parts = await Promise.all(got);
    expect(parts.flat().sort()).toEqual(sent.sort());
    for (const part of parts) expect(part.map(Number)).toEqual(part.map(Number).sort((a, b) => a - b));
  });

  it("serves waiting readers in the order in which they came", async () => {
    const backend = channel();
    const waits = await Promise.all(
      ["first", "second"].map(async () => (await backend.read("jobs")).messages().next()).map((step) => [step]),
    );
    const writer = backend.createWriter("jobs");
    await writer.write("1");
    await writer.write("2");
    await writer.close();
    const steps = await Promise.all(waits.flat());
    expect(steps.map((step) => text(step.value as Uint8Array))).toEqual(["1", "2"]);
  });

  it("lets two readers share what an ended channel still holds", async () => {
    const backend = channel();
    await backend.write("jobs", ["1", "2", "3", "4"]);
    const [one, two] = [(await backend.read("jobs")).messages(), (await backend.read("jobs")).messages()];
    const got = [await some(one, 1), await some(two, 2), await some(one, 9), await some(two, 9)];
    expect(got).toEqual([["1"], ["2", "3"], ["4"], []]);
  });
});

describe("pubsub mode", () => {
  it("gives every message to each reader", async () => {
    const backend = channel({ mode: "pubsub", bufferSize: 8 });
    const readers = await Promise.all([1, 2, 3].map(() => backend.read("news")));
    const got = readers.map((reader) => all(reader));
    const sent = Array.from({ length: 300 }, (_, i) => String(i));
    const writer = backend.createWriter("news");
    for (const message of sent) await writer.write(message);
    await writer.close();
    expect(await Promise.all(got)).toEqual([sent, sent, sent]);
  });

  it("gives each reader bytes of its own", async () => {
    const backend = channel({ mode: "pubsub" });
    const [one, two] = [(await backend.read("news")).messages(), (await backend.read("news")).messages()];
    await backend.write("news", "same");
    (await one.next()).value?.fill(0);
    expect(await some(two, 1)).toEqual(["same"]);
  });

  it("waits for its slowest reader, and no longer when that one goes", async () => {
    const backend = channel({ mode: "pubsub", bufferSize: 2 });
    const fast = (await backend.read("news")).messages();
    const slow = await backend.read("news");
    const writer = backend.createWriter("news");
    await writer.write("1");
    await writer.write("2");
    const third = writer.write("3");
    expect(await some(fast, 2)).toEqual(["1", "2"]);
    expect(await settles(third)).toBe(false);
    await slow.close();
    await third;
    expect(await some(fast, 1)).toEqual(["3"]);
    await writer.close();
    expect((await fast.next()).done).toBe(true);
  });

  it("gives a reader what is written from its opening on, and the first one what had waited for it", async () => {
    const backend = channel({ mode: "pubsub" });
    const writer = backend.createWriter("news");
    await writer.write("1");
    const first = await backend.read("news");
    const second = await backend.read("news");
    await writer.write("2");
    await writer.close();
    expect(await all(first)).toEqual(["1", "2"]);
    expect(await all(second)).toEqual(["2"]);
  });

  it("gives the rest of an ended channel to each reader that comes", async () => {
    const backend = channel({ mode: "pubsub" });
    await backend.write("news", ["1", "2"]);
    const [one, two] = [await backend.read("news"), await backend.read("news")];
    expect(await all(one)).toEqual(["1", "2"]);
    expect(await all(two)).toEqual(["1", "2"]);
    expect(await backend.exists("news")).toBe(false);
  });

  it("does not wait for a reader that had all of an ended channel and lingers", async () => {
    const backend = channel({ mode: "pubsub", bufferSize: 2 });
    const lingering = (await backend.read("news")).messages();
    await backend.write("news", ["1", "2"]);
    expect(await some(lingering, 2)).toEqual(["1", "2"]);
    await backend.write("news", ["3", "4"]);
    expect(await all(await backend.read("news"))).toEqual(["3", "4"]);
    const beforeItsEnd = (await backend.read("other")).messages();
    const writer = backend.createWriter("other");
    await writer.write("1");
    expect(await some(beforeItsEnd, 1)).toEqual(["1"]);
    await writer.close();
    await backend.write("other", ["2", "3"]);
    expect(await all(await backend.read("other"))).toEqual(["2", "3"]);
  });
});
