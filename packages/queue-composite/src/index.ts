export type { BreakerOptions, BreakerState } from "@omni/core";
export type { CompositeDriver } from "./driver.ts";
export { compositeQueue } from "./factory.ts";
export type { CompositeError } from "./failure.ts";
export { queueFromEnv } from "./from-env.ts";
export type { MemberStats } from "./member-stats.ts";
export type { CompositeMember, CompositeOptions, SubscribeFrom, TopicMap } from "./options.ts";
export type { CompositeOutcome } from "./outcome.ts";
export { STRATEGIES, type Strategy } from "./strategy.ts";
