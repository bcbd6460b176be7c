import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { compile } from "../compile.ts";
import { codeBlocks } from "../markdown.ts";
import { pagePrograms } from "../programs.ts";
import { runProgram } from "../run.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const page = (...lines: string[]): string => lines.join("\n");

describe("codeBlocks", () => {
  test("language, words, file, heading and line", () => {
    const [block] = codeBlocks(page("# One", "", "## Two", "```ts run file=a.ts", "const a = 1;", "```"), "p.md");
    expect(block).toEqual({ language: "ts", words: ["run"], file: "a.ts", code: "const a = 1;", line: 5, heading: "Two" });
  });

  test("a longer fence holds a shorter one", () => {
    expect(codeBlocks(page("````md", "```ts", "```", "````"), "p.md")).toHaveLength(1);
  });

  test("a misspelt word is refused with its place", () => {
    expect(() => codeBlocks(page("", "```ts rnu", "```"), "p.md")).toThrow('p.md:2: unknown word "rnu"');
  });

  test("a fence that is never closed is refused", () => {
    expect(() => codeBlocks(page("```ts", "const a = 1;"), "p.md")).toThrow("p.md:1: opened and never closed");
  });

  test("hidden lines belong to the block right below only", () => {
    const [first, second] = codeBlocks(
      page("<!-- ts", "const a = 1;", "-->", "```ts", "a;", "```", "<!-- ts", "let b;", "-->", "words", "```ts", "```"),
      "p.md",
    );
    expect(first?.hidden).toEqual({ code: "const a = 1;", line: 2 });
    expect(second?.hidden).toBeUndefined();
  });
});

describe("programs", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "omni-pages-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("lines keep the page's numbers, and a block continues the one before", () => {
    const programs = pagePrograms(
      "p.md",
      page("words", "```ts", "const a: number = 1;", "```", "", "```ts continue run", "console.log(a);", "```"),
      folder,
    );
    expect(programs.map(({ line, run }) => [line, run])).toEqual([
      [3, false],
      [7, true],
    ]);
    expect(readFileSync(programs[1]?.path ?? "", "utf8")).toBe("\n\nconst a: number = 1;\n\n\n\nconsole.log(a);\n");
  });

  test("output without run, and a continuation of nothing, are refused", () => {
    expect(() => pagePrograms("p.md", page("```ts", "1;", "```", "```text output", "1", "```"), folder)).toThrow(
      "p.md:2: output is given",
    );
    expect(() => pagePrograms("p.md", page("```ts continue", "1;", "```"), folder)).toThrow(
      "p.md:2: there is no ts block to continue",
    );
  });

  test("a wrong type is found at the page's line", () => {
    const path = join(root, ".cache", "snippets-self-test.ts");
    mkdirSync(join(root, ".cache"), { recursive: true });
    writeFileSync(path, '\n\nexport const count: number = "one";\n');
    expect(compile(root, [path]).get(path)).toEqual([expect.stringMatching(/^line 3: Type 'string' is not assignable/)]);
    rmSync(path);
  });

  test("a failing program's end and words are told", async () => {
    const path = join(folder, "failing.ts");
    writeFileSync(path, 'console.log("before" as string); throw new Error("broken promise");');
    const end = await runProgram(path);
    expect(end.code).toBe(1);
    expect(end.stdout).toBe("before\n");
    expect(end.stderr).toContain("broken promise");
  });

  test("a program that never ends is stopped", async () => {
    const path = join(folder, "endless.ts");
    writeFileSync(path, "setInterval(() => {}, 1000);");
    expect((await runProgram(path, 500)).code).toBe(-1);
  });
});
