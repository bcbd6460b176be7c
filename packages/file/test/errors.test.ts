import { OmniError } from "@omni/core";
import { file } from "@omni/file";
import { classifyError } from "../src/errors.ts";

const code = (meaning: ReturnType<typeof classifyError>): string | undefined =>
  typeof meaning === "object" ? meaning.code : meaning;

test.each([
  ["ENOENT", "NOT_FOUND"],
  ["ENOTDIR", "NOT_FOUND"],
  ["EEXIST", "ALREADY_EXISTS"],
  ["EISDIR", "INVALID_PATH"],
  ["ELOOP", "INVALID_PATH"],
  ["ENAMETOOLONG", "INVALID_PATH"],
  ["EILSEQ", "INVALID_PATH"],
  ["EACCES", "PERMISSION_DENIED"],
  ["EPERM", "PERMISSION_DENIED"],
  ["EROFS", "PERMISSION_DENIED"],
  ["ENOSPC", "UNAVAILABLE"],
  ["EDQUOT", "UNAVAILABLE"],
  ["EMFILE", "UNAVAILABLE"],
  ["ENFILE", "UNAVAILABLE"],
  ["EIO", "UNAVAILABLE"],
  ["ESTALE", "UNAVAILABLE"],
  ["ETIMEDOUT", "TIMEOUT"],
  ["EFBIG", "TOO_LARGE"],
  ["ENOTEMPTY", "PRECONDITION_FAILED"],
  ["ENOSYS", "NOT_SUPPORTED"],
])("%s means %s", (errno, meaning) => {
  expect(code(classifyError(Object.assign(new Error(errno), { code: errno })))).toBe(meaning);
});

test.each([[undefined], [null], ["ENOENT"], [new Error("plain")], [{ code: 2 }], [{ code: "toString" }], [{ code: "EWHATEVER" }]])(
  "%p means nothing known",
  (cause) => {
    expect(classifyError(cause)).toBeUndefined();
  },
);

test.each(["ENOSPC", "EDQUOT"])("a write refused by %s is not worth the same again, and says what to do", (errno) => {
  expect(classifyError({ code: errno })).toMatchObject({
    retryable: false,
    outcome: "not-applied",
    reason: expect.stringContaining("free space"),
  });
});

test.each(["EMFILE", "EACCES", "EROFS", "ENAMETOOLONG"])("%s comes with a remedy", (errno) => {
  expect(classifyError({ code: errno })).toMatchObject({ reason: expect.stringMatching(/raise|give|mount|shorten/) });
});

test.each([
  [{ root: "" }, /"root" is the path of a directory/],
  [{ root: "a\0b" }, /"root" is the path of a directory/],
  [{}, /"root" is missing/],
  [{ rot: "x" }, /unknown option "rot"; did you mean "root"/],
  [{ root: 5 }, /"root" is a string, not 5/],
  [{ root: "x", fsync: "yes" }, /"fsync" is true or false, not "yes"/],
  [{ root: "x", stageTtlMs: 1 }, /"stageTtlMs" is a whole number, 1000 or more/],
])("options %j are refused", (options, message) => {
  let thrown: unknown;
  try {
    file(options as never);
  } catch (error) {
    thrown = error;
  }
  expect(OmniError.is(thrown, "INVALID_ARGUMENT")).toBe(true);
  expect((thrown as Error).message).toMatch(message);
});
