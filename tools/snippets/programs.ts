// Turns a page's `ts` blocks into programs that can be compiled and run. A program's lines keep their numbers from the page, so that an
// error's line is the page's line.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { type Block, codeBlocks } from "./markdown.ts";

/** Pages whose code is checked. */
export const pagePatterns = [
  "README.md",
  "CONTRIBUTING.md",
  "docs/**/*.md",
  "packages/*/README.md",
  "examples/*/README.md",
] as const;

export interface Program {
  /** Relative to the root, such as docs/guides/custom-backend.md. */
  readonly page: string;
  /** Line of the block in the page. */
  readonly line: number;
  /** Where the program has been written. */
  readonly path: string;
  readonly run: boolean;
  /** What it must print, when the page says so. */
  readonly output?: string;
}

/** What the site's build writes: made of sources that are checked where they stand. */
const generated = /^docs\/(api|providers)\//;

/** Finds the pages in byte order of their paths. */
export function pages(root: string): readonly string[] {
  const found = globSync([...pagePatterns], { cwd: root, exclude: (name) => name.includes("node_modules") });
  return found.filter((page) => !generated.test(page)).sort();
}

/** Writes the programs of every page under `folder`, which is emptied first. */
export function extractPrograms(root: string, folder: string, chosen: readonly string[] = pages(root)): readonly Program[] {
  rmSync(folder, { recursive: true, force: true });
  return chosen.flatMap((page) =>
    pagePrograms(page, readFileSync(join(root, page), "utf8"), join(folder, page.replaceAll(/[/.]/g, "-"))),
  );
}

/** @throws SyntaxError when a page's words contradict each other */
export function pagePrograms(page: string, markdown: string, folder: string): readonly Program[] {
  const blocks = codeBlocks(markdown, page);
  const programs: Program[] = [];
  let before: readonly Block[] = [];
  blocks.forEach((block, at) => {
    if (block.language !== "ts") return;
    if (block.words.includes("continue") && before.length === 0)
      throw new SyntaxError(`${page}:${block.line}: there is no ts block to continue`);
    const parts = block.words.includes("continue") ? [...before, block] : [block];
    before = parts;
    const path = join(folder, block.file ?? `line-${block.line}.ts`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, atTheirLines(parts));
    const output = expectedOutput(blocks[at + 1]);
    const run = block.words.includes("run");
    if (output !== undefined && !run) throw new SyntaxError(`${page}:${block.line}: output is given for a block that is not run`);
    programs.push({ page, line: block.line, path, run, ...(output === undefined ? {} : { output }) });
  });
  return programs;
}

function expectedOutput(next: Block | undefined): string | undefined {
  return next?.words.includes("output") ? next.code : undefined;
}

/** Every piece of code at the line that it has in the page; what lies between is left blank. */
function atTheirLines(blocks: readonly Block[]): string {
  const lines: string[] = [];
  for (const { code, line } of blocks.flatMap((block) => (block.hidden ? [block.hidden, block] : [block]))) {
    code.split("\n").forEach((text, at) => {
      lines[line - 1 + at] = text;
    });
  }
  return `${Array.from(lines, (text) => text ?? "").join("\n")}\n`;
}

/** Puts the page's name where a tool's message names the program written from it. */
export function inPageTerms(message: string, programs: readonly Program[], root: string): string {
  return programs.reduce((text, { path, page }) => text.replaceAll(path, page).replaceAll(relative(root, path), page), message);
}
