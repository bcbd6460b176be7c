import { readFileSync } from "node:fs";
import { OmniError } from "@omni/core";
import { compileFilter, type FilterOptions } from "@omni/sync";
import { CASES, TREE } from "./cases.ts";

interface Recorded extends FilterOptions {
  readonly left: readonly string[];
}

const { recorded } = JSON.parse(readFileSync(new URL("recorded.json", import.meta.url), "utf8")) as {
  recorded: readonly Recorded[];
};

function left(options: FilterOptions): string[] {
  const filter = compileFilter(options);
  return TREE.filter((path) => filter.includes(path, { size: 1 })).sort();
}

describe("a filter answers as rclone does", () => {
  test("every list of rules was recorded", () => {
    expect(recorded.map(({ left: _left, ...rules }) => rules)).toEqual(JSON.parse(JSON.stringify(CASES)));
    expect(recorded.length * TREE.length).toBeGreaterThan(200);
  });

  test.each(recorded.map(({ left: wanted, ...rules }) => [JSON.stringify(rules), rules, wanted] as const))(
    "%s",
    (_name, rules, wanted) => {
      expect(left(rules)).toEqual([...wanted]);
    },
  );
});

describe("a filter", () => {
  test("names the directory that the listing can leave out", () => {
    const filter = compileFilter({ exclude: ["node_modules/", "/tmp/**"] });
    expect(filter.prunedBy("src/node_modules/x/y.js")).toBe("src/node_modules/");
    expect(filter.prunedBy("tmp/a/b")).toBe("tmp/");
    expect(filter.prunedBy("src/x.js")).toBeUndefined();
  });

  test("looks at sizes and ages, and leaves in what has no age", () => {
    const now = Date.now();
    const clock = { now: () => now, setTimeout, clearTimeout: () => undefined };
    const filter = compileFilter({ minSizeBytes: 10, maxSizeBytes: 20, minAgeMs: 1_000, maxAgeMs: 5_000 }, clock);
    const at = (size: number, ageMs: number) => ({ size, modifiedAt: new Date(now - ageMs) });
    expect([at(9, 2_000), at(10, 2_000), at(20, 2_000), at(21, 2_000)].map((info) => filter.includes("a", info))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([at(15, 999), at(15, 1_000), at(15, 5_000), at(15, 5_001)].map((info) => filter.includes("a", info))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(filter.includes("a", { size: 15 })).toBe(true);
  });

  test.each([
    ["{a,{b}", 'cannot be read: "{" within "{"'],
    ["{a", 'a "{" has no "}"'],
    ["a}", 'a "}" has no "{"'],
    ["[a", 'a "[" has no "]"'],
    ["a]", 'a "]" has no "["'],
    ["***", 'there are more than two "*" in a row'],
    ["a\\", "it ends in a backslash"],
    ["{{(}}", "Invalid regular expression"],
    ["{{a", 'a "{{" has no "}}"'],
    ["[[:nothing:]]", "a class such as [:alpha:] has a name"],
    ["", "a filter pattern is empty"],
  ])("refuses the pattern %j and says why", (glob, why) => {
    expect(() => compileFilter({ include: [glob] })).toThrow(why);
  });

  test("refuses a rule without a sign and a size that is no number", () => {
    expect(() => compileFilter({ rules: ["*.jpg"] })).toThrow('the filter rule "*.jpg" begins with neither "+ " nor "- "');
    const bad = (): unknown => compileFilter({ minSizeBytes: Number.NaN });
    expect(bad).toThrow("minSizeBytes is NaN; give a number, 0 or more");
    try {
      bad();
    } catch (error) {
      expect(OmniError.is(error, "INVALID_ARGUMENT")).toBe(true);
    }
  });
});
