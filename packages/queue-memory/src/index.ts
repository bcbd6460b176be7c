export { type MemoryQueueDriver, memoryDriver } from "./driver.ts";
export { memoryQueue, queueFromEnv } from "./factory.ts";
export type { MemoryQueueOptions } from "./options.ts";
