export { type Backoff, type BackoffOptions, toBackoff } from "./backoff.ts";
export type * from "./dedupe.ts";
export type * from "./driver.ts";
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
export type { Message, MessageInput, Position } from "./message.ts";
export type * from "./provider.ts";
export { DEFAULT_GROUP } from "./provider.ts";
