import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const FREE = { HOST: "127.0.0.1", GATEWAY_PORT: "0", INGEST_PORT: "0", PROCESSOR_PORT: "0", LOG_LEVEL: "warn", DRAIN_MS: "20000" };

interface Program {
  readonly child: ChildProcess;
  readonly url: string;
  readonly lines: readonly string[];
}

/** Starts the services as a process; resolves when they listen. */
async function program(env: Readonly<Record<string, string>>): Promise<Program> {
  const args = [
    "--conditions=@omni/source",
    "--experimental-strip-types",
    "--no-warnings",
    join(import.meta.dirname, "slow-services.ts"),
  ];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NODE_OPTIONS: "", ...FREE, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the services ended with ${code}`)));
    createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on("line", (line) => {
      lines.push(line);
      if (line.startsWith("gateway ")) resolve(line.slice("gateway ".length));
    });
  });
  return { child, url, lines };
}

/** Posts until the services take no more. @returns the ids that were accepted */
async function sendUntilClosed(url: string, onAccepted: (count: number) => void): Promise<ReadonlySet<string>> {
  const accepted = new Set<string>();
  const client = async (): Promise<void> => {
    for (;;) {
      const answer = await fetch(new URL("/api/v1/ingest", url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"source":"test","data":"x"}',
      }).catch(() => undefined);
      if (!answer) return;
      const { messageId } = (await answer.json()) as { messageId: string };
      if (answer.status === 202) onAccepted(accepted.add(messageId).size);
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  return accepted;
}

test("SIGTERM under traffic: whatever was accepted is handled before the process ends, though it lay in its memory alone", async () => {
  const { child, url, lines } = await program({ QUEUE_SIZE: "10000" });
  const closed = once(child, "close");
  const accepted = await sendUntilClosed(url, (count) => {
    if (count === 200) child.kill("SIGTERM");
  });
  const [code, signal] = await closed;
  expect([code, signal]).toEqual([null, "SIGTERM"]);
  const handled = lines.flatMap((line) => (line.startsWith("handled ") ? [line.slice("handled ".length)] : []));
  expect(accepted.size).toBeGreaterThanOrEqual(200);
  expect([...accepted].filter((id) => !handled.includes(id))).toEqual([]);
  expect(new Set(handled).size).toBe(handled.length);
}, 60_000);

test("a queue in memory is refused where a service runs alone", async () => {
  const index = join(import.meta.dirname, "../src/index.ts");
  const args = ["--conditions=@omni/source", "--experimental-strip-types", "--no-warnings", index, "ingest"];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NODE_OPTIONS: "", QUEUE_TYPE: "" },
    stdio: ["ignore", "inherit", "pipe"],
  });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  const [code] = await once(child, "close");
  expect([code, said]).toEqual([1, expect.stringContaining("ingest alone would share it with nobody")]);
});
