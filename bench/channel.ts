// Messages from one task to another in one process: a bounded buffer, each message the receiver's own, the sender's buffer used again.
import { buildGo, goSession, needsGo } from "./peers/go-program.ts";
import {
  buffered,
  generatorQueue,
  Messages,
  passThrough,
  readable,
  readableEvents,
  Tally,
  webTransform,
} from "./peers/message-streams.ts";
import { defineBenchmark, type Peer, type Session } from "./runner/benchmark.ts";

type ChannelParams = { readonly messageBytes: number; readonly messages: number };
/** Path of the Go program, where Go is present. */
type ChannelFixture = string | null;
type ChannelPeer = Peer<ChannelParams, ChannelFixture>;

function session(run: (messages: Messages, tally: Tally) => Promise<void>, params: ChannelParams): Session {
  let last = "";
  return {
    async run() {
      const tally = new Tally();
      await run(new Messages(params.messageBytes, params.messages), tally);
      last = tally.text;
    },
    proof: () => last,
  };
}

function nodePeer(
  name: string,
  label: string,
  run: (messages: Messages, tally: Tally) => Promise<void>,
  judged = true,
): ChannelPeer {
  return { name, label, ...(judged ? { target: { atLeast: 1 } } : {}), start: ({ params }) => session(run, params) };
}

function goPeer(name: string, label: string, kind: "plain" | "locked", judged: boolean): ChannelPeer {
  return {
    name,
    label,
    needs: needsGo,
    ...(judged ? { target: { atLeast: 1 } } : {}),
    start: ({ params, fixture }) => goSession(fixture as string, [kind], `${params.messageBytes} ${params.messages}`),
  };
}

export default defineBenchmark<ChannelParams, ChannelFixture>({
  name: "channel",
  title: "messages from one task to another, a buffer of 100",
  unit: "message",
  compare: "speed",
  params: {
    full: [
      { messageBytes: 64, messages: 1_000_000 },
      { messageBytes: 1024, messages: 500_000 },
      { messageBytes: 65_536, messages: 20_000 },
    ],
    quick: [
      { messageBytes: 64, messages: 20_000 },
      { messageBytes: 1024, messages: 10_000 },
      { messageBytes: 65_536, messages: 500 },
    ],
  },
  work: ({ messages }) => messages,
  setup: (_params, folder) => buildGo("channel", folder),
  memoryCeilingMiB: () => 256,
  subjects: {
    ours: {
      label: "Omni channel, createWriter and messages()",
      async start({ params }) {
        const { channel } = await import("@omni/channel");
        return session(async (messages, tally) => {
          const backend = channel({ bufferSize: buffered });
          const reader = await backend.read("events");
          const send = async (): Promise<void> => {
            const writer = backend.createWriter("events");
            for (let message = messages.stamp(); message; message = messages.stamp()) await writer.write(message);
            await writer.close();
          };
          const sent = send();
          for await (const message of reader.messages()) tally.take(message);
          await sent;
        }, params);
      },
    },
    peers: [
      nodePeer("readable", "Node Readable, object mode, for await", readable),
      // Stated, not judged: both sides are plain calls on one stack. Neither can wait for the other, which is what a channel is for.
      nodePeer("readable-events", "Node Readable, object mode, data events", readableEvents, false),
      nodePeer("pass-through", "Node PassThrough, object mode", passThrough),
      nodePeer("web-transform", "Web TransformStream", webTransform),
      nodePeer("generator-queue", "array queue and async generator", generatorQueue),
      goPeer("go-locked", "Go channel, read lock per send", "locked", true),
      goPeer("go-plain", "Go channel, plain", "plain", false),
    ],
  },
});
