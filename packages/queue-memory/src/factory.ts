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

/** The queue that `QUEUE_TYPE=memory` names: `QUEUE_SIZE` is its capacity, `QUEUE_WHEN_FULL` its `whenFull`. */
export function queueFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: QueueOptions = {},
): QueueProvider<MemoryQueueDriver> {
  const { QUEUE_SIZE: size, QUEUE_WHEN_FULL: whenFull } = env;
  if (size !== undefined && !/^[0-9]{1,9}$/.test(size)) throw invalid("QUEUE_SIZE", size, "a whole number of messages, 1 or more");
  if (whenFull !== undefined && whenFull !== "wait" && whenFull !== "reject")
    throw invalid("QUEUE_WHEN_FULL", whenFull, "wait or reject");
  return memoryQueue({ ...options, ...(size !== undefined && { capacity: Number(size) }), whenFull });
}

function invalid(name: string, value: string, expected: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason: `${name} is ${JSON.stringify(value)}, it has to be ${expected}` });
}
