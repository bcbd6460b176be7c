import { type ErrorCode, OmniError } from "@omni/core";
import { classifyError, isBrokersFault } from "../src/errors.ts";

const FAULTS: readonly ErrorCode[] = ["UNAVAILABLE", "TIMEOUT", "IN_DOUBT", "UNKNOWN", "UNAUTHENTICATED", "RATE_LIMITED"];
const NO_FAULTS: readonly ErrorCode[] = [
  "INVALID_ARGUMENT",
  "TOO_LARGE",
  "NOT_SUPPORTED",
  "PERMISSION_DENIED",
  "NOT_FOUND",
  "QUEUE_FULL",
];

test.each(FAULTS)("%s speaks against the broker", (code) => {
  expect(isBrokersFault(new OmniError(code))).toBe(true);
});

test.each(NO_FAULTS)("%s does not speak against the broker", (code) => {
  expect(isBrokersFault(new OmniError(code))).toBe(false);
});

test("what is no OmniError is the broker's", () => {
  expect([isBrokersFault(new Error("socket hang up")), isBrokersFault(undefined)]).toEqual([true, true]);
  expect(classifyError(new Error("x"))).toBeUndefined();
});
