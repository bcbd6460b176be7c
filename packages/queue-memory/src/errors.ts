import type { ErrorCode } from "@omni/core";

/** There is no SDK underneath: every error of this driver is an OmniError already, and anything else is a bug. */
export function classifyError(_cause: unknown): ErrorCode | undefined {
  return undefined;
}
