import { closure, type Installed, tooMuch } from "../downloads.ts";

const lock = new Map<string, Installed>([
  ["node_modules/@omni/core", {}],
  ["node_modules/@omni/s3", { dependencies: { sdk: "1" }, peerDependencies: { "@omni/core": "1" } }],
  ["node_modules/sdk", { dependencies: { tiny: "1" }, optionalDependencies: { native: "1" } }],
  ["node_modules/sdk/node_modules/tiny", { dependencies: { other: "2" } }],
  ["node_modules/tiny", {}],
  ["node_modules/other", { peerDependencies: { tiny: "1" }, peerDependenciesMeta: { tiny: { optional: true } } }],
]);

test("a package brings what Node would find for it, nested first, peers too, what is not installed not", () => {
  expect(closure(lock, "@omni/core")).toEqual(["node_modules/@omni/core"]);
  expect(closure(lock, "@omni/s3")).toEqual([
    "node_modules/@omni/s3",
    "node_modules/sdk",
    "node_modules/@omni/core",
    "node_modules/sdk/node_modules/tiny",
    "node_modules/other",
  ]);
});

test("limits are kept, and who has none brings nothing of others", () => {
  const s3 = { name: "@omni/s3", folders: closure(lock, "@omni/s3"), bytes: 3 * 2 ** 20 };
  expect(tooMuch([s3], { "@omni/s3": { packages: 5, mib: 3 } })).toEqual([]);
  expect(tooMuch([s3], { "@omni/s3": { packages: 4, mib: 2 } })).toEqual([
    "@omni/s3 brings 5 packages, not 4",
    "@omni/s3 brings 3.0 MiB, not 2",
  ]);
  expect(tooMuch([s3], {})).toEqual(["@omni/s3 brings sdk, tiny, other", "@omni/s3 brings 5 packages, not 2"]);
});
