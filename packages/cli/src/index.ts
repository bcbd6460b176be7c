export {
  type BackendEntry,
  type BackendSettings,
  type CompositeEntry,
  defineConfig,
  type GroupEntry,
  type MemberEntry,
  type OmniConfig,
  type QueueEntry,
  type QueueMemberEntry,
  type QueueSettings,
} from "./config/entry.ts";
export { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
export { omni } from "./omni.ts";
