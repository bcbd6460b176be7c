import { OmniError } from "@omni/core";
import { createQueue, type QueueOptions, type QueueProvider } from "@omni/core/queue";
import { type MemoryQueueDriver, memoryDriver } from "./driver.ts";
import type { MemoryQueueOptions } from "./options.ts";

/**
 * Makes a queue in this process.
 *
 * @throws OmniError INVALID_ARGUMENT
 */
export function memoryQueue(options: MemoryQueueOptions = {}): QueueProvider<MemoryQueueDriver> {
  return createQueue(memoryDriver(options), options);
}

/** The queue that `QUEUE_TYPE=memory` names: `QUEUE_SIZE` is its capacity. */
export function queueFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: QueueOptions = {},
): QueueProvider<MemoryQueueDriver> {
  const size = env.QUEUE_SIZE;
  if (size === undefined) return memoryQueue(options);
  if (!/^[0-9]{1,9}$/.test(size)) {
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `QUEUE_SIZE is ${JSON.stringify(size)}, it has to be a whole number of messages, 1 or more`,
    });
  }
  return memoryQueue({ ...options, capacity: Number(size) });
}
