import { checkWindowsName, isOnWindows, isOwn, madeAt, newName, parentOf } from "../src/layout.ts";

it("knows a server on Windows by its root", () => {
  expect(["/C:/Users/ada", "/d:", "/c:/"].map(isOnWindows)).toEqual([true, true, true]);
  expect(["/", "/srv", "/c", "/cc:/x"].map(isOnWindows)).toEqual([false, false, false, false]);
});

it.each(["a\\..\\..\\b", "a:b", "a?b", "con", "a/NUL.txt", "a./b", "a ", "a|b", "a\tb", "com1"])(
  "refuses %j on Windows",
  (path) => {
    expect(() => checkWindowsName(path)).toThrow(/the server runs Windows/);
  },
);

it.each(["a/b", "console", "a.b/c d", "日本語", "nulls"])("takes %j on Windows", (path) => {
  expect(() => checkWindowsName(path)).not.toThrow();
});

it("names temporary files by their time", () => {
  const now = 1_800_000_000_123;
  expect(madeAt(newName(now))).toBe(now);
  expect(madeAt(`${newName(now)}-0123456789abcdef-c.done`)).toBe(now);
  expect(["theirs", "a-b", "2026-01-01"].map(madeAt)).toEqual([undefined, undefined, undefined]);
  expect(newName(now)).not.toBe(newName(now));
});

it("has directories of its own at the root alone", () => {
  expect([".omni/tmp", ".omni/tmp/x", ".omni/stage/"].map(isOwn)).toEqual([true, true, true]);
  expect([".omni/journal/x", "a/.omni/tmp/x", ".omni/tmpx"].map(isOwn)).toEqual([false, false, false]);
});

it("finds the folder of a path", () => {
  expect(["a", "a/b", "a/b/c"].map(parentOf)).toEqual(["", "a", "a/b"]);
});
