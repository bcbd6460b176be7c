// The program. QUEUE_TYPE and its companions name the queue:
//   QUEUE_TYPE=nats NATS_URL=nats://127.0.0.1:4222 node --conditions=@omni/source src/index.ts [--count 100] [--every-ms 10]

import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createQueueFromEnv, drainOnSignal } from "@omni/core/queue";
import { ORDERS, start } from "./producer.ts";

export { ORDERS, type Order, type Producer, type ProducerOptions, start } from "./producer.ts";

/** Runs until a signal ends it, or until `--count` orders are placed. One line of JSON for each. */
export async function main(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { count: { type: "string" }, "every-ms": { type: "string" } } });
  const queue = await createQueueFromEnv(env, { topic: ORDERS, source: "producer" });
  if (queue.features.durable === "process")
    console.error(
      "nobody else can see this queue: it lives in this process. Give both services the same broker (QUEUE_TYPE=nats or kafka), or start both in one process",
    );
  const producer = await start(queue, {
    count: numberOf("--count", values.count),
    everyMs: numberOf("--every-ms", values["every-ms"]),
    onPlaced: ({ id, state }) => console.log(JSON.stringify({ placed: id, state })),
    onRetry: (error) => console.error(`tried again: ${String(error)}`),
  });
  const close = async (options?: { readonly drainMs: number }): Promise<void> => {
    await producer.close();
    await queue.close(options);
  };
  drainOnSignal({ close });
  await producer.done;
  await queue.close();
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d+$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new Error(`${name} is "${text}", it has to be a whole number`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2), process.env);
