export { type Backoff, type BackoffOptions, toBackoff } from "./backoff.ts";
export { QUEUE_OPTION_NAMES } from "./call-names.ts";
export { checkOptionNames, type OptionNames } from "./check.ts";
export { CORRELATION_ID, correlation, currentCorrelation } from "./correlation.ts";
export { DEAD_LETTER, fromDeadLetter } from "./dead-letter.ts";
export type * from "./dedupe.ts";
export { type BackendDedupe, type BackendDedupeOptions, backendDedupe } from "./dedupe-backend.ts";
export { type DedupeStoreOptions, type MemoryDedupe, type MemoryDedupeOptions, memoryDedupe } from "./dedupe-memory.ts";
export { type QueueOperation, queueChannel } from "./diagnostics.ts";
export { type Drainable, type DrainOptions, drainOnSignal } from "./drain.ts";
export type * from "./driver.ts";
export {
  createQueueFromEnv,
  loadQueueFromEnv,
  QUEUE_ENV_NAMES,
  QUEUE_TYPES,
  type QueueEnv,
  type QueueFromEnv,
  type QueueType,
  queueTypeOf,
} from "./env.ts";
export { decodeMessage, type EnvelopeForm, encodeMessage, type WireMessage, wireSize } from "./envelope.ts";
export {
  completeQueueFeatures,
  QUEUE_ABILITIES,
  type QueueAbility,
  type QueueDriverFeatures,
  type QueueFeatures,
  START_POSITIONS,
  type StartPosition,
} from "./features.ts";
export type * from "./handler.ts";
export { HEADER } from "./header.ts";
export { newId } from "./id.ts";
export type { Message, MessageInput, Position } from "./message.ts";
export {
  type CircuitBreakerOptions,
  circuitBreaker,
  type MiddlewareOptions,
  type RetryOptions,
  retry,
  type ThrottleOptions,
  throttle,
  timeout,
} from "./middleware.ts";
export { dedupe, type OnceOptions } from "./once.ts";
export type * from "./provider.ts";
export { DEFAULT_GROUP } from "./provider.ts";
export { isPublishFailure } from "./publish-failure.ts";
export { createQueue, defineQueue, layerQueue } from "./queue.ts";
export { whenAborted } from "./when-aborted.ts";
