import { groupByDelimiter } from "@omni/core";

async function* listing(...paths: readonly string[]) {
  for (const path of paths) yield { path, size: 1 };
}

const grouped = async (startAfter: string | undefined, ...paths: readonly string[]) =>
  (await Array.fromAsync(groupByDelimiter(listing(...paths), "in/", "-", startAfter))).map(({ path, size, isDirectory }) =>
    isDirectory ? `${path} (group of ${size} B)` : path,
  );

test("what shares a name up to the delimiter is shown once, what has none as itself", async () => {
  expect(await grouped(undefined, "in/a-1", "in/a-2", "in/b", "in/c-1-x", "in/c-2")).toEqual([
    "in/a- (group of 0 B)",
    "in/b",
    "in/c- (group of 0 B)",
  ]);
});

test("a group is past when its own name is, not its objects'", async () => {
  expect(await grouped("in/a-", "in/a-1", "in/b")).toEqual(["in/b"]);
  expect(await grouped("in/a", "in/a-1", "in/b")).toEqual(["in/a- (group of 0 B)", "in/b"]);
});

test("a delimiter in the prefix makes no group", async () => {
  const below = await Array.fromAsync(groupByDelimiter(listing("x-y/a"), "x-y/", "-", undefined));
  expect(below).toEqual([{ path: "x-y/a", size: 1 }]);
});
