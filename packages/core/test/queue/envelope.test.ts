import { decodeMessage, encodeMessage, type Message, newId, type WireMessage, wireSize } from "@omni/core/queue";
import { memoryQueue } from "@omni/queue-memory";
import fc from "fast-check";

const RUNS = Number(process.env.OMNI_RUNS ?? 200);

async function messageOf(input: object): Promise<Message> {
  const queue = memoryQueue({ topic: "t" });
  const { message } = await queue.publish(input);
  await queue.close();
  return message;
}

/** What another process sees. */
function received({ headers, body }: WireMessage): { headers: Readonly<Record<string, string>>; body: Uint8Array } {
  return { headers, body };
}

function fields({ id, topic, key, source, data, metadata, timestamp }: Message): object {
  return { id, topic, key, source, data: Buffer.from(data).toString("hex"), metadata: { ...metadata }, timestamp };
}

describe("the wire form", () => {
  test("binary: the body is the data, everything else is headers", async () => {
    const input = { id: "a", key: "k", source: "s", data: "x", timestamp: 5, metadata: { plain: "1", größe: "2", value: "ü" } };
    const wire = encodeMessage(await messageOf(input));
    expect(Buffer.from(wire.body).toString()).toBe("x");
    expect(wire.headers).toEqual({
      "omni-id": "a",
      "omni-time": "5",
      "omni-source": "s",
      "omni-key": "k",
      plain: "1",
      "value*": "UTF-8''%C3%BC",
      "omni-metadata*": "UTF-8''%7B%22gr%C3%B6%C3%9Fe%22%3A%222%22%7D",
    });
    expect(wireSize(wire)).toBe(
      1 + Object.entries(wire.headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0),
    );
  });

  test("JSON: the body is an object, bytes that are no text in base64", async () => {
    const text = encodeMessage(await messageOf({ id: "a", data: "ü", timestamp: 5, metadata: { a: "1" } }), "json");
    expect(JSON.parse(Buffer.from(text.body).toString())).toEqual({
      id: "a",
      topic: "t",
      timestamp: 5,
      metadata: { a: "1" },
      data: "ü",
    });
    const bytes = encodeMessage(await messageOf({ id: "a", data: Uint8Array.of(255) }), "json");
    expect(JSON.parse(Buffer.from(bytes.body).toString())).toMatchObject({ dataBase64: "/w==" });
  });

  test.each(["binary", "json"] as const)("%s: every message comes back", async (form) => {
    const text = fc.string({ unit: "grapheme" });
    const name = fc.oneof(
      text,
      fc.constantFrom("__proto__", "constructor", "omni-id", "omni-metadata", "Nats-Msg-Id", "a*", "", " "),
    );
    const input = fc.record({
      id: fc.string({ minLength: 1, maxLength: 30 }).filter((id) => !/[\p{Cc}]/u.test(id)),
      key: fc.option(text, { nil: undefined }),
      data: fc.uint8Array(),
      metadata: fc.array(fc.tuple(name, text)).map((entries) => Object.fromEntries(entries)),
      timestamp: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(input, async (given) => {
        const message = await messageOf(given);
        expect(fields(decodeMessage("t", received(encodeMessage(message, form))))).toEqual(fields(message));
      }),
      { numRuns: RUNS },
    );
  });

  test("what is no envelope of ours comes whole, with an id of its position that stays the same", () => {
    const foreign = {
      headers: {},
      body: Buffer.from("{not json"),
      key: "k",
      timestamp: 7,
      position: { stream: "S", partition: 2, sequence: "9" },
    };
    for (const form of ["binary", "json"] as const) {
      const message = decodeMessage("t", foreign, form);
      expect([message.id, message.text(), message.key, message.timestamp]).toEqual(["t:S:2:9", "{not json", "k", 7]);
    }
  });

  test("JSON of a foreign producer is understood where the queue says so, without headers", () => {
    const body = Buffer.from(JSON.stringify({ id: "x", source: "erp", data: { total: 5 }, metadata: { n: 1 } }));
    const message = decodeMessage("t", { headers: {}, body }, "json");
    expect([message.id, message.source, message.json(), { ...message.metadata }]).toEqual(["x", "erp", { total: 5 }, { n: "1" }]);
  });

  test("headers that are not ours to understand do no harm", () => {
    const headers = {
      "omni-id*": "UTF-8''%E0%A4%A",
      "omni-time": "soon",
      "omni-metadata": "[",
      "Nats-Expected-Stream": "S",
      "a*": "plain",
    };
    const message = decodeMessage("t", { headers, body: new Uint8Array(), timestamp: 3 });
    expect([message.id, message.timestamp, { ...message.metadata }]).toEqual(["UTF-8''%E0%A4%A", 3, { a: "plain" }]);
  });

  test.each(["id", "key", "source", "metadata"])(
    "half of a surrogate pair in %s is refused before anything is sent",
    async (field) => {
      const text = "a\ud800";
      const input = { data: "x", [field]: field === "metadata" ? { a: text } : text };
      await expect(messageOf(input)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", outcome: "not-applied" });
    },
  );
});

describe("ids", () => {
  test("ascend, also when the clock stands still or goes back, and carry the time", () => {
    // Later than anything that other tests in this process asked for.
    const future = Date.now() + 10_000_000;
    const ids = Array.from({ length: 10_000 }, () => newId(future));
    ids.push(newId(future - 5_000), newId(future + 100_000));
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
    expect(Number.parseInt((ids.at(-1) ?? "").replaceAll("-", "").slice(0, 12), 16)).toBe(future + 100_000);
  });
});
