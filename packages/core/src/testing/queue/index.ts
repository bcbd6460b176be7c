export {
  faultyQueue,
  type QueueFault,
  type QueueFaultAction,
  type QueueFaultControl,
  type QueueFaultPlace,
} from "./faulty-queue.ts";
export { QUEUE_KIT_CASES, type QueueKitOptions, queueKit } from "./kit.ts";
export type { BrokerHooks } from "./trial.ts";
