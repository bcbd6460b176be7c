import { runInNewContext } from "node:vm";
import { ERROR_CODES, type ErrorCode, type MemberOutcome, MultiError, OmniError, redact, wrapError } from "@omni/core";

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

describe("OmniError", () => {
  test.each([
    [{ backend: "s3", operation: "read", path: "a/b" }, 's3 read "a/b": not found'],
    [{ backend: "nats", operation: "publish", topic: "orders" }, 'nats publish "orders": not found'],
    [{ backend: "s3", operation: "close" }, "s3 close: not found"],
    [{}, "not found"],
    [{ backend: "s3", operation: "read", path: "a", reason: "gone since noon" }, 's3 read "a": gone since noon'],
    [{ backend: "s3", operation: "read", path: "a\nb\0" }, 's3 read "a\\nb\\u0000": not found'],
    [{ operation: "read", path: "" }, 'read "": not found'],
  ])("the message of %j", (details, message) => {
    expect(new OmniError("NOT_FOUND", details).message).toBe(message);
  });

  test("a long path is cut in the message and whole in the field", () => {
    const path = "n".repeat(10_000);
    const error = new OmniError("NOT_FOUND", { path });
    expect(error.message.length).toBeLessThan(200);
    expect(error.path).toBe(path);
  });

  test.each(CODES)("%s has words of its own", (code) => {
    const error = new OmniError(code);
    expect(error).toMatchObject({ name: "OmniError", code, message: ERROR_CODES[code], reason: ERROR_CODES[code] });
    expect(CODES.filter((other) => ERROR_CODES[other] === ERROR_CODES[code])).toEqual([code]);
  });

  test("what may be tried again", () => {
    expect(CODES.filter((code) => new OmniError(code).retryable)).toEqual(["RATE_LIMITED", "UNAVAILABLE", "TIMEOUT"]);
    expect(new OmniError("TIMEOUT", { retryable: false }).retryable).toBe(false);
    expect(new OmniError("UNKNOWN", { retryable: true }).retryable).toBe(true);
  });

  test("is told by its brand, with codes", () => {
    const error = new OmniError("NOT_FOUND");
    expect(OmniError.is(error)).toBe(true);
    expect(OmniError.is(error, "NOT_FOUND")).toBe(true);
    expect(OmniError.is(error, "TIMEOUT", "NOT_FOUND")).toBe(true);
    expect(OmniError.is(error, "TIMEOUT")).toBe(false);
    for (const other of [new Error("NOT_FOUND"), { code: "NOT_FOUND" }, "NOT_FOUND", 7, null, undefined])
      expect(OmniError.is(other)).toBe(false);
  });

  test("of another copy of core is told too", () => {
    const foreign = runInNewContext(
      'const e = Object.assign(new Error("x"), { code: "NOT_FOUND" }); Object.defineProperty(e, Symbol.for("@omni/core/OmniError@1"), { value: true }); e',
    ) as unknown;
    expect(foreign instanceof OmniError).toBe(false);
    expect(OmniError.is(foreign, "NOT_FOUND")).toBe(true);
  });

  test("keeps its cause and leaves it out of JSON", () => {
    const cause = new Error("Authorization: secret");
    const error = new OmniError("UNAVAILABLE", { backend: "s3", operation: "read", path: "a", cause, outcome: "unknown" });
    expect(error.cause).toBe(cause);
    expect(JSON.stringify(error)).not.toContain("secret");
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: "OmniError",
      code: "UNAVAILABLE",
      message: 's3 read "a": unavailable',
      backend: "s3",
      operation: "read",
      path: "a",
      retryable: true,
      outcome: "unknown",
    });
  });
});

describe("wrapError", () => {
  const context = { backend: "s3", operation: "write", path: "a" };

  test("classifies what is not ours, once", () => {
    const cause = Object.assign(new Error("boom"), { status: 404 });
    const error = wrapError(cause, context, (thrown) => ((thrown as { status?: number }).status === 404 ? "NOT_FOUND" : undefined));
    expect(error).toMatchObject({ code: "NOT_FOUND", message: 's3 write "a": not found', cause });
    expect(wrapError(error, { backend: "multi", operation: "read" })).toBe(error);
  });

  test("what nobody knows is UNKNOWN, with its own words", () => {
    expect(wrapError(new Error("boom"), context)).toMatchObject({ code: "UNKNOWN", message: 's3 write "a": boom' });
    expect(wrapError("boom", context).message).toBe('s3 write "a": failed with boom');
    expect(wrapError(undefined, context).message).toBe('s3 write "a": failed with undefined');
  });

  test("a classification may say more", () => {
    const error = wrapError(new Error("x"), context, () => ({
      code: "RATE_LIMITED",
      reason: "slow down",
      retryable: false,
      outcome: "not-applied",
    }));
    expect(error).toMatchObject({ code: "RATE_LIMITED", reason: "slow down", retryable: false, outcome: "not-applied" });
  });

  test("completes one of ours that has no context", () => {
    const root = new Error("root");
    const error = wrapError(new OmniError("TOO_LARGE", { reason: "9 > 8", cause: root, outcome: "not-applied" }), context);
    expect(error).toMatchObject({ code: "TOO_LARGE", message: 's3 write "a": 9 > 8', cause: root, outcome: "not-applied" });
  });
});

describe("MultiError", () => {
  const first = new OmniError("TIMEOUT", { backend: "a", operation: "write", path: "x" });
  const second = new OmniError("NOT_FOUND", { backend: "b", operation: "write", path: "x" });
  const outcomes: MemberOutcome[] = [
    { member: "a", state: "failed", error: first },
    { member: "ok", state: "committed" },
    { member: "b", state: "failed", error: second },
  ];

  test("the message is the first error's and the number of the others", () => {
    expect(new MultiError("PARTIAL_FAILURE", outcomes).message).toBe('a write "x": timed out (and 1 more errors)');
    expect(new MultiError("PARTIAL_FAILURE", outcomes.slice(0, 2)).message).toBe('a write "x": timed out');
    expect(new MultiError("QUORUM_FAILED", []).message).toBe("the quorum was not reached");
  });

  test("has every outcome and every error", () => {
    const error = new MultiError("QUORUM_FAILED", outcomes);
    expect(error.outcomes).toBe(outcomes);
    expect(error.errors).toEqual([first, second]);
    expect(error.cause).toBe(first);
  });

  test("some and every look at the members", () => {
    const error = new MultiError("IN_DOUBT", outcomes);
    expect([error.some("NOT_FOUND"), error.some("TOO_LARGE")]).toEqual([true, false]);
    expect([error.every("NOT_FOUND"), new MultiError("IN_DOUBT", outcomes.slice(2)).every("NOT_FOUND")]).toEqual([false, true]);
    expect(new MultiError("IN_DOUBT", []).every("NOT_FOUND")).toBe(false);
  });

  test("is told by its brand", () => {
    const error = new MultiError("IN_DOUBT", outcomes);
    expect([
      OmniError.is(error, "IN_DOUBT"),
      MultiError.is(error),
      MultiError.is(error, "IN_DOUBT"),
      MultiError.is(error, "QUORUM_FAILED"),
    ]).toEqual([true, true, true, false]);
    expect(MultiError.is(first)).toBe(false);
    expect(MultiError.is(new Error("x"))).toBe(false);
  });

  test("is not wrapped again", () => {
    const error = new MultiError("IN_DOUBT", outcomes);
    expect(wrapError(error, { backend: "multi", operation: "write" })).toBe(error);
  });
});

describe("redact", () => {
  test.each([
    [
      "GET https://h/b/k?X-Amz-Credential=AKIA%2Feu&X-Amz-Signature=deadbeef&x=1",
      "GET https://h/b/k?X-Amz-Credential=***&X-Amz-Signature=***&x=1",
    ],
    ["https://user:pass@host/x", "https://***@host/x"],
    ["Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101, Signature=ab", "Authorization: ***, Signature=ab"],
    ["nothing to hide at /a/b?page=2", "nothing to hide at /a/b?page=2"],
  ])("%s", (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test("an error that nobody classified shows its message without secrets", () => {
    const error = wrapError(new Error("PUT http://h/b?X-Goog-Signature=0123 failed"), {
      backend: "gcs",
      operation: "write",
      path: "b",
    });
    expect(error.message).toBe('gcs write "b": PUT http://h/b?X-Goog-Signature=*** failed');
  });
});
