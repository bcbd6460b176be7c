import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../bundle.mjs", import.meta.url));

const sources = {
  "tsconfig.json": '{ "compilerOptions": { "target": "ES2023" }, "include": ["src"] }',
  "package.json": JSON.stringify({
    type: "module",
    exports: {
      ".": { default: "./dist/index.js" },
      "./queue": { default: "./dist/queue/index.js" },
      "./package.json": "./package.json",
    },
    bin: { program: "./dist/program.js" },
    peerDependencies: { "@scope/peer": "1" },
  }),
  "src/index.ts": `
    export { Shared } from "./inner/shared.ts";
    /** Documented. */
    export const late = async (): Promise<string> => (await import("./inner/late.ts")).name;
    export const peer = (): Promise<unknown> => import("@scope/peer/deep");
    export function allocate(bytes: number): void {
      new ArrayBuffer(bytes);
    }
  `,
  "src/queue/index.ts": 'import { Shared } from "../inner/shared.ts";\nexport const make = (): Shared => new Shared();\n',
  "src/program.ts": '#!/usr/bin/env node\nimport { make } from "./queue/index.ts";\nconsole.log(make().constructor.name);\n',
  "src/inner/shared.ts": "export class Shared {}\n",
  "src/inner/late.ts": '(globalThis as { lateIsLoaded?: boolean }).lateIsLoaded = true;\nexport const name = "late";\n',
};

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "omni-bundle-")));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** @returns what it had to say */
function bundle(): string {
  const { status, stderr } = spawnSync(process.execPath, [program, folder], { encoding: "utf8", timeout: 60_000 });
  expect(status).toBe(stderr === "" ? 0 : 1);
  return stderr;
}

/** Runs lines in a process of its own, with `index` and `queue` at hand. */
function run(lines: string): string {
  const imports = `const index = await import("./dist/index.js"); const queue = await import("./dist/queue/index.js");`;
  return execFileSync(process.execPath, ["--input-type=module", "-e", imports + lines], { cwd: folder, encoding: "utf8" }).trim();
}

test("a file for each entry point, one for what they share, one for what is loaded late", () => {
  write(sources);
  expect(bundle()).toBe("");
  const made = ["index.js", "late.js", "program.js", "queue/index.js", "shared-program.js"];
  expect(globSync("**/*.js", { cwd: join(folder, "dist") }).sort()).toEqual(made);
  for (const file of made) {
    const map = JSON.parse(readFileSync(join(folder, "dist", `${file}.map`), "utf8")) as { readonly sources: readonly string[] };
    for (const source of map.sources) expect(existsSync(join(folder, "dist", dirname(file), source))).toBe(true);
  }
  // One class, whoever makes it.
  expect(run("console.log(queue.make() instanceof index.Shared)")).toBe("true");
  expect(run("console.log(globalThis.lateIsLoaded, await index.late(), globalThis.lateIsLoaded)")).toBe("undefined late true");
  expect(execFileSync(process.execPath, [join(folder, "dist/program.js")], { encoding: "utf8" })).toBe("Shared\n");
});

test("statements stay as they are written; types and comments go", () => {
  write(sources);
  bundle();
  const text = readFileSync(join(folder, "dist/index.js"), "utf8");
  expect(text).toContain("function allocate(bytes) {\n    new ArrayBuffer(bytes);\n}");
  expect(text).not.toContain("Documented");
  expect(readFileSync(join(folder, "dist/program.js"), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
});

test("what has no source any more is removed, and declarations of what has are not", () => {
  const stale = { "dist/inner/gone.js": "", "dist/inner/gone.js.map": "", "dist/old/gone.d.ts": "", "dist/old/gone.d.ts.map": "" };
  write({ ...sources, ...stale, "dist/inner/late.d.ts": "", "dist/inner/late.d.ts.map": "" });
  expect(bundle()).toBe("");
  expect(globSync("{inner,old}/**", { cwd: join(folder, "dist") }).sort()).toEqual([
    "inner",
    "inner/late.d.ts",
    "inner/late.d.ts.map",
  ]);
});

test.each([
  [
    "a package that the manifest does not name",
    {
      "src/queue/index.ts":
        'import "stranger/deep";\nimport { Shared } from "../inner/shared.ts";\nexport const make = (): Shared => new Shared();',
    },
    /imports stranger\/deep, and its package.json/,
  ],
  ["an entry point without a source", { "src/index.ts": undefined }, /no source for \.\/dist\/index\.js/],
  [
    "modules in a circle",
    { "src/inner/shared.ts": 'export { make } from "../queue/index.ts";\nexport class Shared {}' },
    /Circular dependency/,
  ],
])("%s is an error", (_name, change, words) => {
  const files: Readonly<Record<string, string | undefined>> = { ...sources, ...change };
  write(Object.fromEntries(Object.entries(files).filter((file): file is [string, string] => file[1] !== undefined)));
  expect(bundle()).toMatch(words);
});
