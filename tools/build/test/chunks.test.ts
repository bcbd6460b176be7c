import { sharedModules } from "../chunks.mjs";

/** Each module with what it imports at once and, behind the bar, what it leaves to a first use. */
const names = (entries: readonly string[], modules: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  const words = (text: string): readonly string[] => text.split(" ").filter((word) => word !== "");
  const shared = sharedModules(
    entries.map((id) => ({ name: id, id })),
    (id) => {
      const [atOnce = "", late = ""] = modules[id]?.split("|") ?? [];
      return modules[id] === undefined ? undefined : { imports: words(atOnce), dynamicImports: words(late) };
    },
  );
  return Object.fromEntries([...shared].sort());
};

test("what one entry point alone loads stays with it", () => {
  expect(names(["index"], { index: "a node:fs", a: "b", b: "" })).toEqual({});
});

test("what several load goes with the first of them", () => {
  const modules = { index: "a b", "queue/index": "a c", testing: "a c d", a: "z", b: "", c: "", d: "", z: "" };
  expect(names(["index", "queue/index", "testing"], modules)).toEqual({
    a: "shared-index",
    c: "shared-queue-index",
    z: "shared-index",
  });
});

test("a program that is named first loads nothing of what it leaves to a first use", () => {
  const modules = { main: "codes|omni", index: "omni", omni: "codes commands", commands: "", codes: "" };
  expect(names(["main", "index"], modules)).toEqual({ codes: "shared-main", omni: "shared-index", commands: "shared-index" });
});

test("what only late modules share is in one file, which no entry point loads; each of them keeps its own", () => {
  const modules = { index: "|a b c", a: "x", b: "x y", c: "y|a", x: "", y: "" };
  expect(names(["index"], modules)).toEqual({ x: "shared", y: "shared" });
});

test("packages are no modules of this one", () => {
  expect(names(["a", "b"], { a: "node:fs @omni/core|@omni/s3", b: "node:fs @omni/core" })).toEqual({});
});
