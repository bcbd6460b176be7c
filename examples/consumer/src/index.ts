// The program. QUEUE_TYPE and its companions name the queue:
//   QUEUE_TYPE=nats NATS_URL=nats://127.0.0.1:4222 node --conditions=@omni/source src/index.ts

import { pathToFileURL } from "node:url";
import { createQueueFromEnv, drainOnSignal } from "@omni/core/queue";
import { ORDERS, start } from "./consumer.ts";

export { type ConsumerOptions, ORDERS, type Order, REFUSED, type Shipping, start } from "./consumer.ts";

/** Runs until a signal ends it. One line of JSON for each order that was shipped. */
export async function main(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const queue = await createQueueFromEnv(env, { topic: ORDERS });
  if (queue.features.durable === "process")
    console.error(
      "nobody else can see this queue: it lives in this process. Give both services the same broker (QUEUE_TYPE=nats or kafka), or start both in one process",
    );
  const shipping = await start(queue, {
    ship: (order, { id }) => console.log(JSON.stringify({ shipped: id, ...order })),
    onError: (error) => console.error(`not shipped: ${String(error)}`),
  });
  console.log(JSON.stringify({ subscribed: queue.topic }));
  // The queue drains its consumers.
  drainOnSignal(queue);
  // A queue in this process has no connection that would keep it alive.
  const alive = setInterval(() => {}, 60_000);
  await shipping.done;
  clearInterval(alive);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.env);
