export type { Expect } from "./checks.ts";
export { type DriverCall, OPERATIONS, type Operation } from "./driver-calls.ts";
export type { Fault, FaultAction, FaultControl, FaultRecord, FaultTrigger } from "./faults.ts";
export { type FaultySettings, faulty } from "./faulty.ts";
export { type StorageKitOptions, storageKit, type TestFramework } from "./kit.ts";
export {
  type BrokerHooks,
  faultyQueue,
  QUEUE_KIT_CASES,
  type QueueFault,
  type QueueFaultAction,
  type QueueFaultControl,
  type QueueFaultPlace,
  type QueueKitOptions,
  queueKit,
} from "./queue/index.ts";
export { type Requests, recording } from "./recording.ts";
