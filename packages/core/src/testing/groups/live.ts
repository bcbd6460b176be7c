import type { Backend } from "../../backend.ts";
import type { Case, Group, Need } from "../kit-case.ts";
import { recording } from "../recording.ts";
import { sample } from "../samples.ts";

/** A path is a stream between a writer and readers. */
const LIVE: Need = {
  label: "live streams",
  declared: (features) => features.live,
  present: async () => {},
  // A store that is not live says that an object is missing instead of waiting for a writer.
  absent: async ({ backend, check }) => void (await check.fails("read of what nobody wrote", backend.read("live"), "NOT_FOUND")),
};

/** What a stored object could and a stream cannot. */
function refuses(name: string, call: (backend: Backend) => Promise<unknown>): Case {
  return {
    name: `${name} is NOT_SUPPORTED`,
    run: async ({ backend, check }) => {
      const watched = recording(backend);
      await check.fails(name, () => call(watched), "NOT_SUPPORTED");
      check.same("requests made to the driver", watched.requests.counts(), {});
    },
  };
}

const messages: readonly Case[] = [
  {
    name: "a reader that came first gets what is written, then the end",
    run: async ({ backend, check }) => {
      const reader = await backend.read("live");
      const writer = backend.createWriter("live");
      await writer.write("one ");
      await writer.write("two");
      await writer.close();
      check.bytes("what was read", await reader.bytes(), "one two");
    },
  },
  {
    name: "a reader that came while the writer was open gets what waits",
    run: async ({ backend, check }) => {
      const writer = backend.createWriter("live");
      await writer.write("waits ");
      const reader = await backend.read("live");
      await writer.write("comes");
      await writer.close();
      check.bytes("what was read", await reader.bytes(), "waits comes");
    },
  },
  {
    name: "chunks are messages: neither split nor joined, empty ones too",
    run: async ({ backend, check }) => {
      const sent = ["a", "", "b".repeat(100_000), "c"];
      const reader = await backend.read("live");
      const writer = backend.createWriter("live");
      for (const message of sent) await writer.write(message);
      await writer.close();
      const got: number[] = [];
      for await (const message of reader) got.push(message.byteLength);
      check.same(
        "lengths",
        got,
        sent.map((message) => message.length),
      );
    },
  },
  {
    name: "a chunk can be used again after it was written",
    run: async ({ backend, check }) => {
      const reader = await backend.read("live");
      const writer = backend.createWriter("live");
      const chunk = sample(1_000);
      await writer.write(chunk);
      chunk.fill(0);
      await writer.close();
      check.bytes("what was read", await reader.bytes(), sample(1_000));
    },
  },
  {
    name: "a message is there before the writer closes",
    run: async ({ backend, check }) => {
      const reader = await backend.read("live");
      const writer = backend.createWriter("live");
      await writer.write("now");
      const step = await reader[Symbol.asyncIterator]().next();
      check.bytes("the message", step.done ? new Uint8Array(0) : step.value, "now");
      await writer.close();
    },
  },
  {
    name: "the stream ends when its last writer closes",
    run: async ({ backend, check }) => {
      const reader = await backend.read("live");
      const [one, two] = [backend.createWriter("live"), backend.createWriter("live")];
      await one.write("1");
      await one.close();
      await two.write("2");
      await two.close();
      check.bytes("what was read", await reader.bytes(), "12");
    },
  },
  {
    name: "an abort reaches the reader after what was written",
    run: async ({ backend, check }) => {
      const reader = await backend.read("live");
      const writer = backend.createWriter("live");
      await writer.write("before");
      const bytes = reader[Symbol.asyncIterator]();
      const first = await bytes.next();
      check.bytes("the message", first.done ? new Uint8Array(0) : first.value, "before");
      await writer.abort(new Error("given up"));
      const ended = await bytes.next().then(
        () => "went on",
        () => "rejected",
      );
      check.same("the reader", ended, "rejected");
    },
  },
  {
    name: "a reader that closes ends at once, also while it waits",
    run: async ({ backend, check }) => {
      const reader = await backend.read("live");
      const waiting = reader[Symbol.asyncIterator]().next();
      await reader.close();
      check.same("done", (await waiting).done, true);
    },
  },
  {
    name: "an abort ends a reader that waits",
    run: async ({ backend, check }) => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const reader = await backend.read("live", { signal: controller.signal });
      const waiting = reader[Symbol.asyncIterator]().next();
      controller.abort(reason);
      await check.rejectsWith("the wait", waiting, reason);
    },
  },
  {
    name: "streams of two paths do not mix",
    run: async ({ backend, check }) => {
      const readers = await Promise.all([backend.read("live/a"), backend.read("live/b")]);
      await Promise.all([backend.write("live/a", "to a"), backend.write("live/b", "to b")]);
      const [a, b] = await Promise.all(readers.map((reader) => reader.text()));
      check.same("what was read", [a, b], ["to a", "to b"]);
    },
  },
  {
    name: "write after close is WRITER_CLOSED",
    run: async ({ backend, check }) => {
      const reader = await backend.read("live");
      const writer = backend.createWriter("live");
      await writer.write("x");
      await writer.close();
      await check.fails("write", () => writer.write("y"), "WRITER_CLOSED");
      check.bytes("what was read", await reader.bytes(), "x");
    },
  },
  {
    name: "calls after close are BACKEND_CLOSED",
    run: async ({ backend, check }) => {
      await backend.close();
      await check.fails("read", () => backend.read("live"), "BACKEND_CLOSED");
      await check.fails("write", () => backend.write("live", "x"), "BACKEND_CLOSED");
      await check.fails("createWriter", () => backend.createWriter("live"), "BACKEND_CLOSED");
    },
  },
];

const refusals: readonly Case[] = [
  refuses("a range", (backend) => backend.read("live", { offset: 1, limit: 1 })),
  refuses("copying", (backend) => backend.copy("live", "other")),
  refuses("moving", (backend) => backend.move("live", "other")),
  refuses("staging", (backend) => backend.stage("live", "x")),
  refuses("purging", (backend) => backend.purge("live")),
];

/** Streams between writers and readers. */
export const live: Group = { name: "live streams", needs: [LIVE], cases: [...messages, ...refusals] };
