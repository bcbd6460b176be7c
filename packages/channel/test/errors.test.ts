import { OmniError } from "@omni/core";
import { classifyError } from "../src/errors.ts";

describe("the reason of an abort", () => {
  it.each([
    [new OmniError("RATE_LIMITED", { reason: "slow down" }), { code: "RATE_LIMITED", reason: "slow down" }],
    [new Error("disk full"), { code: "UNKNOWN", reason: "disk full" }],
    [new TypeError(""), { code: "UNKNOWN", reason: "TypeError" }],
    [new DOMException("The operation timed out", "TimeoutError"), { code: "TIMEOUT", reason: "The operation timed out" }],
    [new DOMException("This operation was aborted", "AbortError"), { code: "UNKNOWN", reason: "This operation was aborted" }],
    ["stop", { code: "UNKNOWN", reason: "stop" }],
    [undefined, { code: "UNKNOWN", reason: "no reason given" }],
  ])("%p becomes %j", (cause, expected) => {
    expect(classifyError(cause)).toEqual(expected);
  });
});
