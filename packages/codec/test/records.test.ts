import { channel } from "@omni/channel";
import { lengthPrefixed, ndjson, pipe, withRecords } from "@omni/codec";
import { memory } from "@omni/memory";
import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { bytesOf, cut, itemsOf } from "./streams.ts";

const text = (value: string): Uint8Array => Buffer.from(value);

describe("ndjson", () => {
  it("writes one record a line", async () => {
    expect((await bytesOf(ndjson().encode([{ a: 1 }, "two", [3], null]))).toString()).toBe('{"a":1}\n"two"\n[3]\nnull\n');
    expect((await bytesOf(ndjson().encode([]))).byteLength).toBe(0);
  });

  it("gives back any records, however their bytes are cut", async () => {
    const { parameters } = propertyRuns({ name: "ndjson round trip", push: 1000 });
    const property = fc.asyncProperty(
      fc.array(fc.jsonValue()),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      async (records, sizes) => {
        const bytes = await bytesOf(ndjson().encode(records));
        const back = await itemsOf(ndjson().decode(cut(bytes, sizes)));
        if (JSON.stringify(back) !== JSON.stringify(records))
          throw new Error(`${JSON.stringify(records)} came back as ${JSON.stringify(back)}`);
      },
    );
    for (const each of parameters) await fc.assert(property, { ...each });
  });

  it("reads lines of any length, in any number of chunks", async () => {
    const long = "x".repeat(5 * 1024 * 1024);
    const bytes = await bytesOf(ndjson().encode([{ long }, { short: 1 }, { long }]));
    const back = await itemsOf(ndjson<{ long?: string; short?: number }>().decode(cut(bytes, [65_536])));
    expect(back.map((record) => record.long?.length ?? record.short)).toEqual([long.length, 1, long.length]);
  });

  it("reads over blank lines, line ends of Windows, a byte order mark and a missing last end", async () => {
    const bytes = text('\ufeff{"a":1}\r\n\n   \n\r\n{"a":2}\n{"a":3}');
    for (const sizes of [[1], [2], [100]])
      expect(await itemsOf(ndjson().decode(cut(bytes, sizes)))).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
  });

  it("names the line that cannot be read, blank ones counted", async () => {
    const bytes = text('{"a":1}\n\n{"a":2}\n{"a":\n{"a":3}\n');
    for (const sizes of [[1], [9], [100]]) {
      const got: unknown[] = [];
      const reading = (async () => {
        for await (const record of ndjson().decode(cut(bytes, sizes))) got.push(record);
      })();
      await expect(reading).rejects.toMatchObject({
        message: expect.stringMatching(/^ndjson: line 4 cannot be read: /),
        retryable: false,
      });
      expect(got).toEqual([{ a: 1 }, { a: 2 }]);
    }
  });

  it("names the line that is not UTF-8", async () => {
    const bytes = Buffer.concat([text('{"a":1}\n{"a":2}\n"'), Buffer.of(0xff, 0xfe), text('"\n{"a":4}\n')]);
    for (const sizes of [[1], [100]])
      await expect(itemsOf(ndjson().decode(cut(bytes, sizes)))).rejects.toThrow("ndjson: line 3 is not UTF-8");
  });

  it("refuses a record with a line break in its JSON, and what is no JSON, by number", async () => {
    await expect(
      bytesOf(ndjson({ stringify: (value) => JSON.stringify(value, null, 2) }).encode([1, { a: 1 }])),
    ).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("record 2 has a line break"),
    });
    await expect(bytesOf(ndjson().encode([1, 2, undefined]))).rejects.toThrow("record 3 is undefined");
    const round: { self?: unknown } = {};
    round.self = round;
    await expect(bytesOf(ndjson().encode([round]))).rejects.toThrow("record 1 cannot be written as JSON");
    await expect(bytesOf(ndjson().encode([1n]))).rejects.toThrow("record 1 cannot be written as JSON");
  });

  it("checks records where it is told how, and says at which line the check failed", async () => {
    const format = ndjson<number>({
      parse: (line) => {
        const value: unknown = JSON.parse(line);
        if (typeof value !== "number") throw new TypeError("not a number");
        return value;
      },
    });
    expect(await itemsOf(format.decode([text("1\n2\n")]))).toEqual([1, 2]);
    await expect(itemsOf(format.decode([text('1\n"2"\n')]))).rejects.toThrow("ndjson: line 2 cannot be read: not a number");
  });

  it("bounds lines only when asked", async () => {
    const format = ndjson({ maxLineBytes: 10 });
    expect(await itemsOf(format.decode([text("[1,2,3,4]\n1\n")]))).toEqual([[1, 2, 3, 4], 1]);
    for (const sizes of [[3], [100]])
      await expect(itemsOf(format.decode(cut(text("1\n[1,2,3,4,5,6]\n"), sizes)))).rejects.toMatchObject({
        code: "TOO_LARGE",
        message: expect.stringContaining("line 2"),
      });
  });
});

describe("length-prefixed records", () => {
  it("give back any bytes, empty ones too, however they are cut", async () => {
    const { parameters } = propertyRuns({ name: "length-prefixed round trip", push: 1000 });
    const property = fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 30 })),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      async (records, sizes) => {
        const bytes = await bytesOf(lengthPrefixed().encode(records));
        const back = await itemsOf(lengthPrefixed().decode(cut(bytes, sizes)));
        const same =
          back.length === records.length && back.every((record, i) => Buffer.from(record).equals(records[i] as Uint8Array));
        if (!same) throw new Error(`${records.length} records came back as ${back.length}`);
      },
    );
    for (const each of parameters) await fc.assert(property, { ...each });
  });

  it("are four bytes of length, big-endian, and the record", async () => {
    expect([...(await bytesOf(lengthPrefixed().encode([text("abc")])))]).toEqual([0, 0, 0, 3, 97, 98, 99]);
  });

  it("end cut data in an error that says where", async () => {
    const bytes = await bytesOf(lengthPrefixed().encode([text("one"), text("two")]));
    await expect(itemsOf(lengthPrefixed().decode([bytes.subarray(0, -1)]))).rejects.toThrow(
      "length-prefixed: record 2 is cut off: 2 bytes of 3 bytes are there",
    );
    await expect(itemsOf(lengthPrefixed().decode([bytes.subarray(0, 9)]))).rejects.toThrow(
      "record 2 is cut off: 2 bytes of its length",
    );
  });

  it("bound records on both sides", async () => {
    const format = lengthPrefixed({ maxRecordBytes: 3 });
    await expect(bytesOf(format.encode([text("abcd")]))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(itemsOf(format.decode([Buffer.of(0x7f, 0xff, 0xff, 0xff)]))).rejects.toThrow("claims 2147483647 bytes");
    await expect(bytesOf(format.encode(["text" as never]))).rejects.toThrow("record 1 is no Uint8Array");
  });
});

describe("records over a backend", () => {
  interface Event {
    readonly id: number;
  }

  it("write and read an object of records, and say what it is", async () => {
    const backend = withRecords(memory(), ndjson());
    const events = Array.from({ length: 10_000 }, (_, id) => ({ id }));
    const info = await backend.writeRecords("events.ndjson", events);
    expect((await backend.stat("events.ndjson")).contentType).toBe("application/x-ndjson");
    expect(info.size).toBe((await (await backend.read("events.ndjson")).bytes()).byteLength);
    let next = 0;
    for await (const event of backend.records<Event>("events.ndjson")) expect(event.id).toBe(next++);
    expect(next).toBe(10_000);
  });

  it("write record by record, raw ones too", async () => {
    const backend = withRecords(memory(), ndjson<Event>());
    const writer = backend.createRecordWriter("events");
    for (let id = 0; id < 5000; id++) await writer.write({ id });
    await writer.writeRaw('{"id":5000}');
    await writer.writeRaw(Buffer.from('{"id":5001}'));
    await expect(writer.writeRaw('{\n"id":1}')).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await writer.close();
    expect((await itemsOf(backend.records("events"))).map(({ id }) => id)).toEqual(Array.from({ length: 5002 }, (_, id) => id));
  });

  it("publish nothing when a record cannot be written, the source throws, or the writer is left", async () => {
    const backend = withRecords(memory(), ndjson());
    await backend.write("events", "old");
    const source = [...Array.from({ length: 100_000 }, (_, id) => ({ id })), undefined];
    await expect(backend.writeRecords("events", source)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    async function* broken(): AsyncGenerator<unknown> {
      yield { id: 1 };
      throw new Error("the source broke");
    }
    await expect(backend.writeRecords("events", broken())).rejects.toThrow("the source broke");
    const left = backend.createRecordWriter("events");
    await left.write({ id: 1 });
    await left[Symbol.asyncDispose]();
    expect(await (await backend.read("events")).text()).toBe("old");
  });

  it("let go of the object when the loop is left", async () => {
    const backend = withRecords(channel(), ndjson<Event>());
    const writer = backend.createRecordWriter("live");
    await writer.write({ id: 1 });
    for await (const { id } of backend.records("live")) {
      expect(id).toBe(1);
      break;
    }
    await writer.close();
    expect(backend.channelCount).toBe(0);
  });

  it("are one message each on a channel, whose extras stay", async () => {
    const backend = withRecords(channel(), lengthPrefixed());
    const writer = backend.createRecordWriter("live");
    await writer.write(text("a"));
    await writer.write(text(""));
    await writer.close();
    expect(await backend.stat("live")).toMatchObject({ messages: 2, size: 9 });
    expect((await itemsOf(backend.records("live"))).map((record) => Buffer.from(record).toString())).toEqual(["a", ""]);
  });

  it("compose with any transform", async () => {
    const upper = async function* (source: AsyncIterable<Event> | Iterable<Event>): AsyncGenerator<{ ID: number }> {
      for await (const { id } of source) yield { ID: id };
    };
    const bytes = await bytesOf(pipe([{ id: 1 }, { id: 2 }], upper, ndjson<{ ID: number }>().encode));
    expect(bytes.toString()).toBe('{"ID":1}\n{"ID":2}\n');
  });
});
