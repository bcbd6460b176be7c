import type { PackedFile } from "../packed-files.ts";
import { tarballFaults } from "../tarball.ts";

const map = (...sources: readonly string[]): string => JSON.stringify({ version: 3, sources, mappings: "" });

// Two entry points, what they share, and what one of them loads late.
const whole: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({
    exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
    bin: { a: "./dist/main.js" },
  }),
  "README.md": "",
  LICENSE: "",
  "src/index.ts": "",
  "src/main.ts": "",
  "src/both.ts": "",
  "src/late.ts": "",
  "dist/index.js": "import { a } from \"node:fs\";\nexport { both } from './shared-index.js';",
  "dist/index.js.map": map("../src/index.ts"),
  "dist/main.js": "#!/usr/bin/env node\nimport { both } from './shared-index.js';\nawait import('./late.js');",
  "dist/main.js.map": map("../src/main.ts"),
  "dist/shared-index.js": "",
  "dist/shared-index.js.map": map("../src/both.ts"),
  "dist/late.js": "",
  "dist/late.js.map": map("../src/late.ts"),
  ...Object.fromEntries(
    ["index", "main", "both", "late"].flatMap((name) => [`${name}.d.ts`, `${name}.d.ts.map`]).map((name) => [`dist/${name}`, ""]),
  ),
};

function faultsOf(files: Readonly<Record<string, string | undefined>>): readonly string[] {
  const packed = Object.entries(files).flatMap(([path, text]): readonly PackedFile[] =>
    text === undefined ? [] : [{ path, content: new TextEncoder().encode(text) }],
  );
  return tarballFaults(packed);
}

test("a whole tarball has no faults, nor has one with declarations by hand and a schema", () => {
  expect(faultsOf(whole)).toEqual([]);
  expect(faultsOf({ ...whole, "src/internals.d.ts": "", "omni.config.schema.json": "{}" })).toEqual([]);
});

test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
  ["no license", { LICENSE: undefined }, "LICENSE is missing"],
  ["a stranger", { "tsconfig.json": "{}" }, "tsconfig.json does not belong there"],
  ["a secret", { ".env": "" }, ".env does not belong there"],
  ["a test", { "src/test/b.ts": "", "dist/test/b.d.ts": "" }, "src/test/b.ts is a test"],
  ["a source that was not built", { "src/b.ts": "" }, "dist/b.d.ts was not built"],
  ["declarations whose source is gone", { "dist/b.d.ts": "" }, "dist/b.d.ts has no source any more"],
  ["a module that an older build left", { "dist/b.js": "", "dist/b.js.map": map() }, "dist/b.js is imported by nothing"],
  ["an entry point that was not built", { "dist/index.js": undefined }, "dist/index.js is named or imported, and not there"],
  ["a module that is gone", { "dist/late.js": undefined }, "dist/late.js is named or imported, and not there"],
  ["no map", { "dist/late.js.map": undefined }, "dist/late.js has no map"],
  [
    "an entry point of many files",
    {
      "dist/index.js": ["shared-index", "main", "late"].map((name) => `import './${name}.js';`).join("\n"),
    },
    "dist/index.js loads 3 other files at once, of 2 allowed",
  ],
  ["a map to nowhere", { "dist/late.js.map": map("../src/gone.ts") }, "dist/late.js comes from src/gone.ts, which is not there"],
  [
    "a module in two files",
    { "dist/late.js.map": map("../src/late.ts", "../src/both.ts") },
    "src/both.ts is in dist/shared-index.js and in dist/late.js",
  ],
])("%s", (_name, change, words) => {
  expect(faultsOf({ ...whole, ...change })).toContain(words);
});
