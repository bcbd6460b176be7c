export { QUEUE_KIT_CASES, type QueueKitOptions, queueKit } from "./kit.ts";
export type { BrokerHooks } from "./trial.ts";
