import type { NatsClient } from "../src/client.ts";
import { factsOf, type JetStreamDelivery } from "../src/delivery.ts";
import { decodeHeaders, encodeHeaders } from "../src/header-block.ts";
import type { Link } from "../src/link.ts";
import { checkNatsOptions, type NatsSettings } from "../src/options.ts";
import { Words } from "../src/words.ts";

describe("what the reply subject of a delivery says", () => {
  const tokens = "S.group-1.3.42.7.1795297338006123456.0";
  const facts = { deliveries: 3, sequence: "42", timestampMs: 1_795_297_338_006 };

  test.each([`$JS.ACK.${tokens}`, `$JS.ACK.hub.ACCOUNT.${tokens}`, `$JS.ACK._.ACCOUNT.${tokens}.x7z`])("%s", (reply) => {
    expect(factsOf(reply)).toEqual(facts);
  });

  test.each(["_INBOX.a", "$JS.ACK.S.g.1.2.3.4", `$JS.NAK.${tokens}`, ""])('"%s" is refused', (reply) => {
    expect(() => factsOf(reply)).toThrow(/not a delivery of JetStream/);
  });
});

describe("a block of headers", () => {
  test("comes back as it was written", () => {
    const headers = { "omni-id": "a", "value*": "UTF-8''%C3%BC", größe: "ü:  x", empty: "" };
    expect(decodeHeaders(encodeHeaders(headers))).toEqual(headers);
  });

  test("of a foreign producer: the first of several values, no blanks around them, and nothing throws", () => {
    const block = "NATS/1.0 100 Idle Heartbeat\r\nA: 1\r\nA: 2\r\n bad name:3\r\nno colon\r\n: nameless\r\n__proto__:  p \r\nB:b";
    const headers = decodeHeaders(Buffer.from(block));
    expect(Object.entries(headers)).toEqual([
      ["A", "1"],
      [" bad name", "3"],
      ["__proto__", "p"],
      ["B", "b"],
    ]);
    expect(decodeHeaders(Buffer.from("NATS/1.0"))).toEqual({});
  });
});

describe("words about deliveries", () => {
  const settings: NatsSettings = checkNatsOptions({ url: "nats://127.0.0.1:4222" });
  const delivery = (reply: string): JetStreamDelivery => ({ reply, expiresAt: Date.now() + 60_000 }) as JetStreamDelivery;

  function connection(): { link: Link; said: string[]; go(): void; come(): void } {
    const said: string[] = [];
    const publish = (subject: string, body: Uint8Array): number => said.push(`${subject} ${Buffer.from(body).toString()}`);
    const there = { publish } as unknown as NatsClient;
    let client: NatsClient | undefined = there;
    const waiting = Promise.withResolvers<NatsClient>();
    return {
      link: {
        get client() {
          return client;
        },
        connected: (signal: AbortSignal) => {
          signal.addEventListener("abort", () => waiting.reject(signal.reason));
          return waiting.promise;
        },
      } as unknown as Link,
      said,
      go: () => {
        client = undefined;
      },
      come: () => waiting.resolve(there),
    };
  }

  test("are gathered, and said together in their order", () => {
    const { link, said } = connection();
    const words = new Words(link, settings, "t", new AbortController().signal);
    for (const [reply, word] of [
      ["a", "+ACK"],
      ["b", "-NAK"],
      ["c", "+ACK"],
    ] as const)
      expect(words.tell(delivery(reply), word, word === "+ACK")).toBeUndefined();
    expect(said).toEqual([]);
    words.say();
    words.say();
    expect(said).toEqual(["a +ACK", "b -NAK", "c +ACK"]);
  });

  test("wait for the connection where it went before they were said", async () => {
    const { link, said, go, come } = connection();
    const words = new Words(link, settings, "t", new AbortController().signal);
    void words.tell(delivery("a"), "+ACK", true);
    go();
    words.say();
    const second = words.tell(delivery("b"), "+ACK", true);
    come();
    await second;
    expect(said).toEqual(["a +ACK", "b +ACK"]);
  });

  test("that cannot be said before the end are owned up to", async () => {
    const closed = new AbortController();
    const warned = Promise.withResolvers<string>();
    const logger = { ...settings.logger, warn: (_: unknown, text?: string) => warned.resolve(text ?? "") };
    const { link, said, go } = connection();
    const words = new Words(link, { ...settings, logger }, "t", closed.signal);
    void words.tell(delivery("a"), "+ACK", true);
    go();
    words.say();
    const waiting = words.tell(delivery("b"), "+ACK", true);
    closed.abort();
    await expect(waiting).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
    expect(await warned.promise).toMatch(/broker does not know/);
    expect(said).toEqual([]);
  });
});
