import { channel } from "@omni/channel";
import { open } from "@omni/core";
import { all, settles } from "./messages.ts";

describe("options", () => {
  it("default to a buffer of 100 messages, a queue, nothing stored", async () => {
    const backend = channel();
    const writer = backend.createWriter("a");
    for (let i = 0; i < 100; i++) await writer.write("x");
    const next = writer.write("one more");
    expect(await settles(next)).toBe(false);
    expect(await backend.stat("a")).toMatchObject({ messages: 100, size: 100 });
    await writer.abort();
    await expect(next).rejects.toMatchObject({ code: "WRITER_CLOSED" });
  });

  it("are read from text, under the older names too", async () => {
    const backend = await open("channel", { buffer_size: "100", persistent: "true", retain: '{"messages": 2}' });
    await backend.write("a", ["1", "2"]);
    await expect(backend.write("a", "3")).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect(await (await backend.read("a")).text()).toBe("12");
    expect(await (await backend.read("a")).text()).toBe("12");
    expect(backend.features.live).toBe(true);
    const fromUrl = await open("channel:?bufferSize=1&mode=pubsub", { use: [channel] });
    await fromUrl.write("a", "1");
    expect(await settles(fromUrl.write("a", "2"))).toBe(false);
    await fromUrl.delete("a");
  });

  it.each([
    [{ bufferSize: 0 }, "bufferSize"],
    [{ bufferSize: 1.5 }, "bufferSize"],
    [{ mode: "topic" }, '"queue" | "pubsub"'],
    [{ persistent: "yes" }, "persistent"],
    [{ buffersize: 3 }, "bufferSize"],
    [{ persistent: true, retain: { size: 3 } }, "messages, bytes, ageMs"],
    [{ persistent: true, retain: { bytes: 0 } }, "retain.bytes"],
    [{ retain: { bytes: 1 } }, "persistent: true"],
  ])("refuse %j and say what is allowed", (options, words) => {
    expect(() => channel(options as never)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(words) }),
    );
  });

  it("bound a persistent channel to 256 MiB unless told otherwise", async () => {
    const backend = channel({ persistent: true, bufferSize: 1 });
    const writer = backend.createWriter("a");
    const mebibytes = new Uint8Array(64 * 1024 * 1024);
    for (let i = 0; i < 4; i++) await writer.write(mebibytes);
    await expect(writer.write("x")).rejects.toMatchObject({
      code: "QUEUE_FULL",
      message: expect.stringContaining("retain.bytes = 268435456"),
    });
    await writer.close();
  });

  it("keep layers and extras: what extend added is there", async () => {
    const backend = channel();
    const reader = await backend.read("a");
    await backend.broadcast("a", "1");
    const writer = backend.createWriter("a");
    await writer.close();
    expect(await all(reader)).toEqual(["1"]);
  });
});
