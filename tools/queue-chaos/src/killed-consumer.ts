// The program that is killed: consumes, has effects in an SQLite file, and leaves everything else to the one who kills it.
import { drainOnSignal, type HandlerContext, type Message } from "@omni/core/queue";
import type { OpenQueue } from "./consumer-kills.ts";
import { Effects } from "./effects.ts";

/** What the program is told, as JSON in its one argument. */
export interface ConsumerOrder {
  readonly module: string;
  readonly setting: string;
  readonly topic: string;
  readonly group: string;
  readonly database: string;
  readonly effect: "beside" | "in-transaction";
  /** Which life this is: effects are counted by it. */
  readonly life: number;
}

const order = JSON.parse(process.argv[2] ?? "") as ConsumerOrder;
const { openQueue } = (await import(order.module)) as { readonly openQueue: OpenQueue };
const queue = await openQueue(order.setting);
const effects = new Effects(order.database);

async function beside(message: Message): Promise<void> {
  effects.add(message.id, order.life);
  // The moment in which a kill makes a duplicate.
  await new Promise((resolve) => setTimeout(resolve, 2));
}

function inTransaction(message: Message, context: HandlerContext): void {
  effects.database.exec("BEGIN IMMEDIATE");
  try {
    effects.add(message.id, order.life);
    context.dedupe?.in(effects.database);
    effects.database.exec("COMMIT");
  } catch (error) {
    effects.database.exec("ROLLBACK");
    throw error;
  }
}

const handler = order.effect === "beside" ? beside : inTransaction;
drainOnSignal(queue);
await queue.consume(order.topic, handler, { group: order.group, concurrency: 4, dedupe: effects.dedupe, maxDeliveries: 1_000 });
