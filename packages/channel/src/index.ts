export type { BroadcastOutcome, BroadcastReport } from "./broadcast.ts";
export { type ChannelBackend, type ChannelDriver, type ChannelInfo, type ChannelObjectReader, channel } from "./driver.ts";
export type { ChannelOptions, Retain } from "./options.ts";
