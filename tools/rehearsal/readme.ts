// Takes the lines of the README, or of a guide, that a consumer needs, so that they are run as they are written.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { CheckFailure } from "../checks/check.ts";
import { type Block, codeBlocks } from "../snippets/markdown.ts";

/** The blocks of a page under one heading. */
export function readmeBlocks(root: string, heading: string, page = "README.md"): readonly Block[] {
  const blocks = codeBlocks(readFileSync(join(root, page), "utf8"), page).filter((block) => block.heading === heading);
  if (blocks.length === 0) throw new CheckFailure(`${page} has no code under the heading "${heading}"`);
  return blocks;
}

/** Writes the blocks that name a file (`file=`) into a folder. @returns the names */
export function writeBlocks(blocks: readonly Block[], folder: string): readonly string[] {
  return blocks.flatMap(({ file, code }) => {
    if (file === undefined) return [];
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${code}\n`);
    return [file];
  });
}

/** The command lines of `sh` blocks. */
export function commandLines(blocks: readonly Block[]): readonly string[] {
  return blocks
    .filter(({ language }) => language === "sh")
    .flatMap(({ code }) => code.split("\n"))
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}
