import { checkPath, checkPrefix, comparePaths, OmniError } from "@omni/core";
import fc from "fast-check";

/** The reason why a path is refused, without the path itself. */
function reasonOf(check: () => void): string {
  try {
    check();
    return "accepted";
  } catch (error) {
    return OmniError.is(error, "INVALID_PATH") ? error.reason : `another error: ${String(error)}`;
  }
}

describe("checkPath", () => {
  test.each([
    "a",
    "a/b/c.txt",
    "..foo",
    "foo..",
    "...",
    ".../...",
    ".a/.b",
    "a b/ c ",
    "a\\..\\b",
    "%2e%2e/a",
    "~",
    "-",
    "a/.omni/b",
    ".omnifoo",
    "😀",
    "e\u0301",
    "\t",
    "n".repeat(1_024),
    "ü".repeat(512),
  ])("accepts %j", (path) => {
    expect(reasonOf(() => checkPath(path))).toBe("accepted");
  });

  test.each([
    ["", /empty/],
    ["/", /relative/],
    ["/a", /relative/],
    ["//", /ends in the name of an object/],
    ["a/", /drop the "\/" at its end/],
    ["a//b", /empty segment/],
    [".", /"\." segment/],
    ["..", /"\.\." segment/],
    ["./a", /"\." segment/],
    ["a/./b", /"\." segment/],
    ["a/.", /"\." segment/],
    ["../a", /"\.\." segment/],
    ["a/../b", /"\.\." segment/],
    ["a/..", /"\.\." segment/],
    ["\0", /NUL/],
    ["a\0b", /NUL/],
    ["\ud800", /lone surrogate/],
    ["a\udc00b", /lone surrogate/],
    [".omni", /reserved/],
    [".omni/a", /reserved/],
    ["n".repeat(1_025), /1025 bytes.*1024/],
    ["ü".repeat(513), /1026 bytes.*1024/],
    ["😀".repeat(257), /1028 bytes.*1024/],
    [undefined, /not undefined/],
    [null, /not null/],
    [7, /not number/],
    [["a"], /not an array/],
    [{}, /not an object/],
  ])("refuses %j", (path, words) => {
    expect(reasonOf(() => checkPath(path))).toMatch(words);
  });

  test("the limit is the driver's", () => {
    expect(reasonOf(() => checkPath("abcdef", 5))).toMatch(/6 bytes, the most here is 5/);
    expect(reasonOf(() => checkPath("n".repeat(3_000), 4_096))).toBe("accepted");
  });

  test("reserved paths are open to Omni's own records", () => {
    expect(reasonOf(() => checkPath(".omni/a", 1_024, true))).toBe("accepted");
    expect(reasonOf(() => checkPath(".omni/../a", 1_024, true))).toMatch(/"\.\."/);
  });

  test("the message names the path and the remedy, and never fills the screen", () => {
    const refused = (): void => checkPath("n".repeat(5_000));
    expect(refused).toThrow(/5000 characters.*shorten it/);
    expect(refused).toThrow(expect.objectContaining({ message: expect.not.stringMatching(/.{400}/) }));
  });

  test("agrees with the rules, said the slow way", () => {
    const character = fc.constantFrom("a", ".", "/", "\0", "\\", "ü", "😀", "\ud800", "o", "m", "n", "i");
    fc.assert(
      fc.property(fc.array(character, { maxLength: 12 }), (characters) => {
        const path = characters.join("");
        const segments = path.split("/");
        const good =
          segments.every((segment) => !["", ".", ".."].includes(segment)) &&
          !path.includes("\0") &&
          path.isWellFormed() &&
          segments[0] !== ".omni";
        expect(reasonOf(() => checkPath(path)) === "accepted").toBe(good);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("checkPrefix", () => {
  test.each(["", "a", "a/", "a/b", "a/b/", "..f", ".omnifoo"])("accepts %j", (prefix) => {
    expect(reasonOf(() => checkPrefix(prefix))).toBe("accepted");
  });

  test.each([
    ["/", /empty|relative/],
    ["/a", /relative/],
    ["a//", /empty segment/],
    ["../", /"\.\."/],
    ["a/../", /"\.\."/],
    [".omni/", /reserved/],
    [7, /not number/],
  ])("refuses %j", (prefix, words) => {
    expect(reasonOf(() => checkPrefix(prefix))).toMatch(words);
  });
});

describe("comparePaths", () => {
  test("is the order of the bytes of UTF-8", () => {
    const text = fc.string({ unit: "binary", maxLength: 8 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
      { numRuns: 5_000 },
    );
  });

  test("differs from JavaScript's order above U+FFFF", () => {
    expect("～" < "😀").toBe(false);
    expect(comparePaths("～", "😀")).toBeLessThan(0);
  });

  test.each([
    ["a", "a", 0],
    ["", "a", -1],
    ["a", "ab", -1],
    ["a-b", "a/b", -1],
    ["a/b", "a0", -1],
    ["\uffff", "\u{10000}", -1],
    ["\ue000", "\u{10ffff}", -1],
    ["\ud7ff", "\ue000", -1],
  ])("%j and %j", (a, b, sign) => {
    expect(Math.sign(comparePaths(a, b))).toBe(sign);
    expect(Math.sign(comparePaths(b, a))).toBe(sign === 0 ? 0 : -sign);
  });
});
