import { execFile } from "node:child_process";
import { getEventListeners } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { channel } from "@omni/channel";
import { recordCounts } from "@omni/property";
import { all } from "./messages.ts";

const program = fileURLToPath(new URL("./memory-program.ts", import.meta.url));

/** How many messages go through, and how many channels are opened. */
const full = process.env.OMNI_TIER === "full";
const messages = Number(process.env.OMNI_CHANNEL_MESSAGES ?? (full ? 10_000_000 : 300_000));
const channels = Number(process.env.OMNI_CHANNELS ?? (full ? 100_000 : 5_000));

interface MemoryReport {
  readonly received: number;
  readonly mostWaiting: number;
  readonly residentBytes: readonly number[];
  readonly heapBytes: readonly number[];
}

function growthOf(samples: readonly number[]): number {
  return Math.max(...samples.slice(2)) - (samples[1] as number);
}

describe("memory", () => {
  it("stays flat while messages go through a buffer of 100 to a slow reader", async () => {
    // A young generation of one size: V8 would grow it on the way, which is no message's memory.
    const flags = [
      "--conditions=@omni/source",
      "--expose-gc",
      "--no-warnings",
      "--min-semi-space-size=16",
      "--max-semi-space-size=16",
    ];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, program, String(messages), "500"], {
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    const { received, mostWaiting, residentBytes, heapBytes } = JSON.parse(stdout) as MemoryReport;
    expect([received, mostWaiting]).toEqual([messages, 100]);
    // The first two tenths warm up. A pointer kept of each message would be 8 bytes of heap.
    expect(growthOf(heapBytes)).toBeLessThan(1024 * 1024);
    const growth = growthOf(residentBytes);
    expect(growth).toBeLessThan(12 * 1024 * 1024);
    recordCounts({ channelMessages: received, residentGrowthBytes: growth });
  }, 900_000);

  it("is let go of by channels that were opened and closed: no listener, no timer, no entry", async () => {
    const backend = channel();
    const controller = new AbortController();
    const { signal } = controller;
    const handles = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind === "Immediate").length;
    const before = handles();
    for (let i = 0; i < channels; i++) {
      const path = `subscriber/${i}`;
      const reader = await backend.read(path, { signal });
      if (i % 4 === 0) await reader.close();
      if (i % 4 === 1) {
        const pending = reader.messages().next();
        await backend.broadcast(path, "hello");
        await pending;
        await reader.close();
      }
      if (i % 4 === 2) {
        const writer = backend.createWriter(path, { signal });
        await writer.write("one");
        await writer.close();
        expect(await all(reader)).toEqual(["one"]);
      }
      if (i % 4 === 3) {
        const failed = all(reader).catch((error: Error) => error.message);
        const writer = backend.createWriter(path, { signal });
        await writer.abort(new Error("given up"));
        expect(await failed).toContain("given up");
      }
    }
    expect(backend.channelCount).toBe(0);
    expect(backend.driver.table.size).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(handles()).toBeLessThanOrEqual(before);
    recordCounts({ channelsOpenedAndClosed: channels });
  }, 300_000);
});
