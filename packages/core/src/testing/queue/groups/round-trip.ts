import type { Message, MessageInput } from "../../../queue/message.ts";
import { Inbox } from "../inbox.ts";
import type { QueueCase, QueueGroup, QueueTrial } from "../trial.ts";

async function send(trial: QueueTrial, input: MessageInput): Promise<Message> {
  const topic = trial.topic();
  const inbox = await Inbox.open(trial.queue, topic);
  await trial.queue.publish({ topic, ...input });
  const [message] = await inbox.take(1);
  return message as Message;
}

/** A body that comes back as it was. */
function body(what: string, data: string | Uint8Array): QueueCase {
  return {
    name: `the data comes back: ${what}`,
    run: async (trial) => trial.check.bytes("data", (await send(trial, { data })).data, data),
  };
}

/** Metadata that comes back as it was. */
function metadata(what: string, given: Readonly<Record<string, string>>): QueueCase {
  return {
    name: `metadata comes back: ${what}`,
    run: async (trial) => trial.check.same("metadata", { ...(await send(trial, { data: "x", metadata: given })).metadata }, given),
  };
}

/** A field that comes back as it was. */
function field(what: string, name: "id" | "key" | "source" | "timestamp", value: string | number): QueueCase {
  return {
    name: `${name} comes back: ${what}`,
    run: async (trial) => trial.check.same(name, (await send(trial, { data: "x", [name]: value }))[name], value),
  };
}

/** What is published is what comes. */
export const roundTrip: QueueGroup = {
  name: "round trip",
  needs: [],
  cases: [
    body("text", "hello"),
    body("unicode", "Grüße, 世界 👋🏽"),
    body("nothing", ""),
    body(
      "every byte",
      Uint8Array.from({ length: 256 }, (_, byte) => byte),
    ),
    body("zero bytes", new Uint8Array(32)),
    body("what looks like null", "null"),
    body("what looks like an envelope", '{"id":"1","data":"2","metadata":{}}'),
    body("a part of a larger buffer", new Uint8Array(100).fill(3).subarray(10, 20)),
    body(
      "64 KiB",
      new Uint8Array(65_536).map((_, i) => (i * 31) & 0xff),
    ),
    metadata("plain", { a: "1", "content-type": "text/plain", "x-trace.id_1": "a b;c=d, e" }),
    metadata("none", {}),
    metadata("empty and blank values", { empty: "", blank: " ", padded: "  x  " }),
    metadata("unicode, line breaks and quotes", { größe: "10 €", lines: "a\r\nb\nc", quote: '"\\', percent: "100%41" }),
    metadata("names that are no header names", {
      "": "empty",
      "a b": "blank",
      "a:b": "colon",
      "star*": "star",
      "omni-id": "mine",
      "Nats-Msg-Id": "mine",
    }),
    metadata("names of objects", { constructor: "a", toString: "b", hasOwnProperty: "c" }),
    metadata("trace context", {
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      tracestate: "vendor=value",
    }),
    field("plain", "key", "customer-7"),
    field("unicode", "key", "Straße 7/…"),
    field("empty", "key", ""),
    field("plain", "source", "billing"),
    field("unicode", "source", "Büro"),
    field("of the caller", "id", "a:b/c d"),
    field("of the producer", "timestamp", 981_173_106_789),
    {
      name: "a key and a source that were not given are not there",
      run: async (trial) => {
        const message = await send(trial, { data: "x" });
        trial.check.same("key and source", [message.key, message.source], [undefined, undefined]);
      },
    },
    {
      name: "the time is the time of the publish where none is given",
      run: async (trial) => {
        const before = Date.now();
        const { timestamp } = await send(trial, { data: "x" });
        trial.check.ok("it lies between the call and now", timestamp >= before && timestamp <= Date.now());
      },
    },
    {
      name: "a message that came can be published again as it is",
      run: async (trial) => {
        const first = await send(trial, { data: "x", key: "k", metadata: { a: "1" } });
        const second = await send(trial, { id: "again", key: first.key, data: first.data, metadata: first.metadata });
        trial.check.same("data, key and metadata", [second.text(), second.key, { ...second.metadata }], ["x", "k", { a: "1" }]);
      },
    },
    {
      name: "data that is JSON is read as such, other data is refused",
      run: async (trial) => {
        trial.check.same("json", (await send(trial, { data: '{"a":[1,null]}' })).json(), { a: [1, null] });
        const other = await send(trial, { data: "{" });
        await trial.check.fails("json of what is none", () => other.json(), "INVALID_ARGUMENT");
      },
    },
  ],
};
