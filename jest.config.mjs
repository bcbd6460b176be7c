// One configuration for every package: tests run against the sources (export condition @omni/source), as native ESM.
import { existsSync } from "node:fs";

// Not the whole clone: caches may live in it.
const roots = ["packages", "tools", "bench", "examples"].filter((folder) => existsSync(new URL(folder, import.meta.url)));

/** @type {import("jest").Config} */
export default {
  roots: roots.map((folder) => `<rootDir>/${folder}`),
  testMatch: [
    "<rootDir>/packages/*/test/**/*.test.ts",
    "<rootDir>/tools/**/*.test.ts",
    "<rootDir>/bench/**/*.test.ts",
    "<rootDir>/examples/**/*.test.ts",
  ],
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2023" }, module: { type: "es6" } }] },
  testEnvironmentOptions: { customExportConditions: ["@omni/source", "node", "node-addons"] },
  // What needs the servers of the full tier, or its time, is named *.full.test.ts. Turbo runs no tests.
  // biome-ignore lint/suspicious/noUndeclaredEnvVars: turbo.json knows only what builds depend on
  testPathIgnorePatterns: ["/node_modules/", ...(process.env.OMNI_TIER === "full" ? [] : ["\\.full\\.test\\.ts$"])],
  modulePathIgnorePatterns: ["/dist/"],
  // Workers inherit Node's flags from the command that starts jest (tools/checks): --experimental-vm-modules.
  testTimeout: 60_000,
};
