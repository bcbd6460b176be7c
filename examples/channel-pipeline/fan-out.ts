// Events to many subscribers, each with a channel of its own: node --conditions=@omni/source fan-out.ts [subscribers] [events]
import { pathToFileURL } from "node:url";
import { type BroadcastReport, channel } from "@omni/channel";

/** What became of the events. */
export interface FanOutResult {
  /** What each subscriber got, in order. */
  readonly received: readonly (readonly string[])[];
  /** The report of each broadcast. */
  readonly reports: readonly BroadcastReport[];
  /** Open channels at the end. */
  readonly open: number;
}

/** Broadcasts events to subscribers; each leaves by itself when it has seen the last one. */
export async function fanOut(subscribers: number, events: readonly string[]): Promise<FanOutResult> {
  const backend = channel({ bufferSize: 16 });
  // Channels are open from here on: broadcasts reach them, although nobody ever writes to them.
  const readers = await Promise.all(Array.from({ length: subscribers }, (_, number) => backend.read(`subscriber/${number}`)));
  const listening = readers.map((reader) => listen(reader.messages(), events.length));
  const reports: BroadcastReport[] = [];
  for (const event of events) reports.push(await backend.broadcast("subscriber/", event));
  return { received: await Promise.all(listening), reports, open: backend.channelCount };
}

async function listen(messages: AsyncIterable<Uint8Array>, count: number): Promise<string[]> {
  const got: string[] = [];
  for await (const message of messages) {
    got.push(Buffer.from(message).toString());
    if (got.length === count) break;
  }
  return got;
}

async function main([subscribers = "3", events = "5"]: readonly string[]): Promise<void> {
  const { received, reports, open } = await fanOut(
    Number(subscribers),
    Array.from({ length: Number(events) }, (_, number) => `event ${number + 1}`),
  );
  for (const [number, got] of received.entries()) console.log(`subscriber/${number}: ${got.join(", ")}`);
  const delivered = reports.reduce((sum, report) => sum + report.delivered, 0);
  console.log(`${reports.length} broadcasts, ${delivered} delivered, ${open} channels open`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
