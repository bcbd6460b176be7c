import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const SERVICE = `
  import { drainOnSignal } from "@omni/core/queue";
  import { memoryQueue } from "@omni/queue-memory";
  const queue = memoryQueue({ topic: "t" });
  drainOnSignal(queue, { drainMs: DRAIN_MS, onDrain: (signal) => console.log("drain " + signal) });
  await queue.consume(async () => {
    console.log("started");
    await new Promise((resolve) => setTimeout(resolve, HANDLER_MS));
    console.log("handled");
  });
  await queue.publish({ data: "x" });
  setInterval(() => {}, 1_000);
`;

async function run(
  handlerMs: number,
  drainMs: number,
  signals: number,
): Promise<{ readonly lines: readonly string[]; readonly signal: unknown }> {
  const script = SERVICE.replace("HANDLER_MS", String(handlerMs)).replace("DRAIN_MS", String(drainMs));
  const child = spawn(process.execPath, ["--conditions=@omni/source", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const exited = once(child, "exit");
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line === "started" || (line.startsWith("drain") && signals > 1)) child.kill("SIGTERM");
  }
  const [, signal] = await exited;
  return { lines, signal };
}

describe("a service that is told to end", () => {
  test("lets the handler end, then ends by the signal", async () => {
    expect(await run(300, 10_000, 1)).toEqual({ lines: ["started", "drain SIGTERM", "handled"], signal: "SIGTERM" });
  });

  test("does not wait longer than the drain time", async () => {
    expect(await run(20_000, 100, 1)).toEqual({ lines: ["started", "drain SIGTERM"], signal: "SIGTERM" });
  });

  test("ends at once when it is told twice", async () => {
    expect(await run(20_000, 20_000, 2)).toEqual({ lines: ["started", "drain SIGTERM"], signal: "SIGTERM" });
  });
});
