// Sends messages through a small buffer to a slow reader and prints what the process held meanwhile: node [flags] memory-program.ts <messages> <pauseEvery>
import { channel } from "@omni/channel";

const messages = Number(process.argv[2]);
const pauseEvery = Number(process.argv[3]);

const backend = channel({ bufferSize: 100 });
const reader = await backend.read("events");

async function send(): Promise<void> {
  const writer = backend.createWriter("events");
  const scratch = new Uint8Array(64);
  const view = new DataView(scratch.buffer);
  for (let index = 0; index < messages; index++) {
    view.setFloat64(0, index);
    await writer.write(scratch);
  }
  await writer.close();
}

/** What the process held at each tenth of the way, after a collection. */
const residentBytes: number[] = [];
const heapBytes: number[] = [];
const sent = send();
let received = 0;
let mostWaiting = 0;
for await (const message of reader.messages()) {
  if (new DataView(message.buffer, message.byteOffset).getFloat64(0) !== received)
    throw new Error(`message ${received} is missing`);
  received++;
  if (received % pauseEvery === 0) {
    // Slow: the writer fills the buffer and has to wait.
    await new Promise((resolve) => setImmediate(resolve));
    mostWaiting = Math.max(mostWaiting, backend.driver.table.find("events")?.ring.length ?? 0);
  }
  if (received % Math.floor(messages / 10) === 0) {
    globalThis.gc?.();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    residentBytes.push(rss);
    heapBytes.push(heapUsed + arrayBuffers);
  }
}
await sent;
console.log(JSON.stringify({ received, mostWaiting, residentBytes, heapBytes }));
