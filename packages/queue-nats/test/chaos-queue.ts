import type { QueueProvider } from "@omni/core/queue";
import { natsQueue } from "@omni/queue-nats";

/** The queue of the harnesses; the processes that are killed make theirs of the address alone. */
export function openQueue(url: string): QueueProvider {
  return natsQueue({ url, stream: "CHAOS", ackDeadlineMs: 1_500, maxReconnectDelayMs: 500 });
}
