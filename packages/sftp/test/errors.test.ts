import { type ErrorCode, OmniError, wrapError } from "@omni/core";
import { ConnectionLost, classifyError, isLost } from "../src/errors.ts";

/** An error as ssh2 makes it. */
function thrown(fields: { message?: string; code?: number | string; level?: string }): Error {
  return Object.assign(new Error(fields.message ?? "said by the library"), fields);
}

const TABLE: readonly (readonly [string, unknown, ErrorCode, boolean])[] = [
  ["no such file", thrown({ code: 2, message: "No such file" }), "NOT_FOUND", false],
  ["permission denied", thrown({ code: 3 }), "PERMISSION_DENIED", false],
  ["a bare failure", thrown({ code: 4 }), "UNAVAILABLE", false],
  ["a message that the server does not take", thrown({ code: 5 }), "INVALID_ARGUMENT", false],
  ["no connection", thrown({ code: 6 }), "UNAVAILABLE", true],
  ["connection lost, said by the server", thrown({ code: 7 }), "UNAVAILABLE", true],
  ["an operation that the server does not have", thrown({ code: 8 }), "NOT_SUPPORTED", false],
  ["connection lost", new ConnectionLost("gone"), "UNAVAILABLE", true],
  ["connection refused", thrown({ code: "ECONNREFUSED", level: "client-socket" }), "UNAVAILABLE", true],
  ["connection reset", thrown({ code: "ECONNRESET", level: "client-socket" }), "UNAVAILABLE", true],
  ["an unknown host", thrown({ code: "ENOTFOUND" }), "UNAVAILABLE", false],
  ["no way to the host", thrown({ code: "EHOSTUNREACH" }), "UNAVAILABLE", true],
  ["a connection that times out", thrown({ code: "ETIMEDOUT" }), "TIMEOUT", true],
  ["a handshake that times out", thrown({ level: "client-timeout" }), "TIMEOUT", true],
  ["authentication refused", thrown({ level: "client-authentication" }), "UNAUTHENTICATED", false],
  ["an agent that does not sign", thrown({ level: "agent" }), "UNAUTHENTICATED", false],
  ["no common algorithm", thrown({ level: "handshake" }), "UNAVAILABLE", false],
  ["a server that speaks no SSH", thrown({ level: "protocol" }), "UNAVAILABLE", false],
  ["a programming error", new TypeError("x is not a function"), "UNKNOWN", false],
  ["no error at all", "text", "UNKNOWN", false],
];

it.each(TABLE)("%s", (_name, cause, code, retryable) => {
  const error = wrapError(cause, { backend: "sftp", operation: "read", path: "a" }, classifyError);
  expect({ code: error.code, retryable: error.retryable }).toEqual({ code, retryable });
});

it("says what to do", () => {
  const error = wrapError(thrown({ level: "client-authentication" }), { backend: "sftp", operation: "read" }, classifyError);
  expect(error.message).toContain("check username, key, passphrase and password");
});

it("takes only calls without an answer for lost", () => {
  expect(isLost(new ConnectionLost("gone"))).toBe(true);
  expect(isLost(thrown({ code: 7 }))).toBe(true);
  expect([thrown({ code: 4 }), new OmniError("UNAVAILABLE"), undefined].map(isLost)).toEqual([false, false, false]);
});
