import { classifyError } from "../src/errors.ts";

describe("errors of zlib", () => {
  it.each([
    [{ code: "Z_DATA_ERROR" }, { code: "UNKNOWN", retryable: false }],
    [{ code: "Z_BUF_ERROR" }, { code: "UNKNOWN", retryable: false }],
    [{ code: "ZSTD_error_checksum_wrong" }, { code: "UNKNOWN", retryable: false }],
    [{ code: "Z_MEM_ERROR" }, { code: "UNAVAILABLE" }],
  ])("%j mean %j", (cause, expected) => {
    expect(classifyError(cause)).toMatchObject(expected);
  });

  it.each([[new Error("the source broke")], [{ code: "ENOENT" }], [{ code: 7 }], [null], [undefined], ["text"]])(
    "%p is none of them",
    (cause) => {
      expect(classifyError(cause)).toBeUndefined();
    },
  );
});
