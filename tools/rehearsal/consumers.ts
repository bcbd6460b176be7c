// Fresh folders that install the published packages and use them in every way that the README promises.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { type CheckContext, CheckFailure } from "../checks/check.ts";
import type { PublishedPackage } from "../checks/packages.ts";
import { commandLines, readmeBlocks, writeBlocks } from "./readme.ts";
import type { Registry } from "./registry.ts";

/** The TypeScript transform of a CommonJS consumer's jest; not a dependency of ours. */
export const tsJest = "29.4.15";

const usage = (names: string): string => `${names}
const store = file({ root: "data" });
const check = (ok, words) => { if (!ok) throw new Error(words); };
async function main() {
  check(typeof open === "function", "open is missing");
  const info = await store.write("a/hello.txt", "hi");
  check(info.size === 2, "size");
  check((await (await store.read("a/hello.txt")).text()) === "hi", "text");
  const error = await store.read("missing.txt").then(() => undefined, (reason) => reason);
  check(OmniError.is(error, "NOT_FOUND"), "one class of errors in both packages");
  await store.close();
}
main().then(() => console.log("ok"));
`;

const programs: Readonly<Record<string, string>> = {
  "esm.mjs": usage('import { OmniError, open } from "@omni/core";\nimport { file } from "@omni/file";'),
  "require.cjs": usage('const { OmniError, open } = require("@omni/core");\nconst { file } = require("@omni/file");'),
};

/** A type error of ours would be the consumer's: `skipLibCheck` is off. */
const tsconfig = {
  compilerOptions: {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  },
};

export interface Consumer {
  readonly context: CheckContext;
  readonly folder: string;
  readonly manager: "npm" | "pnpm";
  readonly registry: Registry;
  readonly packages: readonly PublishedPackage[];
  /** Executables of every Node that the packages support. */
  readonly nodes: readonly string[];
}

/** @returns how many uses were tried, all with success */
export async function consume(consumer: Consumer): Promise<number> {
  await install(consumer);
  const { context, folder } = consumer;
  let uses = 0;
  for (const node of consumer.nodes) {
    for (const [name, code] of Object.entries(programs)) {
      writeFileSync(join(folder, name), code);
      await context.run(node, [name], { cwd: folder, env: { NODE_OPTIONS: undefined } });
      uses += 1;
    }
  }
  await typesCheck(consumer);
  await quickStart(consumer);
  return uses + 2 + (await commonJsAndJest(consumer));
}

async function install({ context, folder, manager, registry, packages }: Consumer): Promise<void> {
  const root = JSON.parse(readFileSync(join(context.root, "package.json"), "utf8")) as { devDependencies: Record<string, string> };
  const tools = ["typescript", "@types/node", "jest", "@types/jest"].map((name) => [name, root.devDependencies[name]]);
  const wanted = packages.filter(({ manifest }) => ["@omni/core", "@omni/file"].includes(manifest.name));
  const manifest = {
    name: "consumer",
    private: true,
    dependencies: Object.fromEntries(wanted.map(({ manifest: { name, version } }) => [name, version])),
    devDependencies: { ...Object.fromEntries(tools), "ts-jest": tsJest },
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, undefined, 2));
  writeFileSync(join(folder, ".npmrc"), registry.npmrc);
  if (manager === "pnpm") {
    // What was published a second ago is younger than any age a careful installation asks for.
    writeFileSync(
      join(folder, "pnpm-workspace.yaml"),
      'packages: []\nminimumReleaseAgeExclude: ["@omni/*"]\nallowBuilds:\n  unrs-resolver: false\n  "@parcel/watcher": false\n',
    );
    await context.run("pnpm", ["install", "--prefer-offline", "--reporter=append-only"], { cwd: folder });
  } else {
    await context.run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
  }
}

/** The README's first lines, by a user's TypeScript and then by Node. */
async function quickStart({ context, folder, nodes }: Consumer): Promise<void> {
  const blocks = readmeBlocks(context.root, "Ten lines");
  writeBlocks(blocks, folder);
  const programs = commandLines(blocks).flatMap((line) => /^node (\S+)$/.exec(line)?.[1] ?? []);
  if (programs.length === 0) throw new CheckFailure("the README's first lines do not say how they are run");
  for (const node of nodes) await context.run(node, programs, { cwd: folder, env: { NODE_OPTIONS: undefined } });
}

async function typesCheck({ context, folder, packages }: Consumer): Promise<void> {
  const target = join(folder, "types");
  mkdirSync(target);
  const entries = packages
    .filter(({ manifest }) => ["@omni/core", "@omni/file"].includes(manifest.name))
    .flatMap(({ manifest }) =>
      Object.keys(manifest.exports)
        .filter((entry) => entry !== "./package.json")
        .map((entry) => manifest.name + entry.slice(1)),
    );
  const lines = entries.map((name, at) => `import * as entry${at} from "${name}";`);
  writeFileSync(
    join(target, "index.mts"),
    `${lines.join("\n")}\nexport const entries: readonly object[] = [${entries.map((_, at) => `entry${at}`).join(", ")}];\n`,
  );
  writeFileSync(
    join(target, "use.cts"),
    'import { type Backend, OmniError } from "@omni/core";\nimport { file } from "@omni/file";\n' +
      'export const store: Backend = file({ root: "data" });\nexport const size: Promise<number> = store.write("a", "b").then((info) => info.size);\n' +
      'export const missing = (error: unknown): boolean => OmniError.is(error, "NOT_FOUND");\n',
  );
  writeFileSync(join(target, "tsconfig.json"), JSON.stringify({ ...tsconfig, include: ["*.mts", "*.cts"] }));
  await context.run(process.execPath, [join(folder, "node_modules", "typescript", "bin", "tsc"), "-p", target], { cwd: folder });
}

/** The README's lines for CommonJS projects, as they are written, on every Node. */
async function commonJsAndJest({ context, folder, nodes }: Consumer): Promise<number> {
  const blocks = readmeBlocks(context.root, "CommonJS and jest");
  writeBlocks(blocks, folder);
  const lines = commandLines(blocks);
  for (const node of nodes) {
    for (const line of lines) {
      const path = `${dirname(node)}:${join(folder, "node_modules", ".bin")}:${context.env.PATH ?? ""}`;
      await context.run("sh", ["-c", line], { cwd: folder, env: { PATH: path, NODE_OPTIONS: undefined } });
    }
  }
  return nodes.length * lines.length;
}
