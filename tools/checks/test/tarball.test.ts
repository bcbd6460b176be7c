import { tarballFaults } from "../tarball.ts";

const whole = ["package.json", "README.md", "LICENSE", "src/a.ts", "dist/a.js", "dist/a.js.map", "dist/a.d.ts", "dist/a.d.ts.map"];

test("a whole tarball has no faults, nor has one with declarations by hand and a schema", () => {
  expect(tarballFaults(whole)).toEqual([]);
  expect(tarballFaults([...whole, "src/internals.d.ts", "omni.config.schema.json"])).toEqual([]);
});

test.each([
  ["no license", whole.filter((file) => file !== "LICENSE"), "LICENSE is missing"],
  ["a stranger", [...whole, "tsconfig.json"], "tsconfig.json does not belong there"],
  ["a secret", [...whole, ".env"], ".env does not belong there"],
  ["a test", [...whole, "src/test/b.ts", "dist/test/b.js"], "src/test/b.ts is a test"],
  ["a source that was not built", [...whole, "src/b.ts"], "dist/b.js was not built"],
  ["a file whose source is gone", [...whole, "dist/b.js"], "dist/b.js has no source any more"],
])("%s", (_name, files, words) => {
  expect(tarballFaults(files)).toContain(words);
});
