// Reads the fenced code blocks of a Markdown page. The words after the language say what is done with a block; CONTRIBUTING explains them.

/** One fenced block. Lines are counted from 1, in the page. */
export interface Block {
  readonly language: string;
  /** Words of the info string without a value: `run`, `continue`, `output`, `shown`. */
  readonly words: readonly string[];
  /** `file=name` of the info string. */
  readonly file?: string;
  readonly code: string;
  /** Line of the first line of code. */
  readonly line: number;
  /** Lines of an HTML comment `<!-- ts ... -->` that ends right above the block: part of the program, not of the page. */
  readonly hidden?: { readonly code: string; readonly line: number };
  /** The heading that the block stands under. */
  readonly heading: string;
}

/** @throws SyntaxError for a fence that is never closed, or an option that is not known */
export function codeBlocks(markdown: string, page: string): readonly Block[] {
  const lines = markdown.split(/\r?\n/);
  const blocks: Block[] = [];
  let heading = "";
  let hidden: Block["hidden"];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const fence = /^(```+|~~~+)\s*(.*)$/.exec(line);
    if (/^#+ /.test(line)) heading = line.replace(/^#+ /, "");
    if (line === "<!-- ts") {
      const end = closing(lines, at, (text) => text === "-->", page);
      hidden = { code: lines.slice(at + 1, end).join("\n"), line: at + 2 };
      at = end;
    } else if (fence) {
      const mark = fence[1] ?? "";
      const end = closing(lines, at, (text) => text.startsWith(mark) && text.slice(mark.length).trim() === "", page);
      const info = infoString(fence[2] ?? "", `${page}:${at + 1}`);
      blocks.push({ ...info, code: lines.slice(at + 1, end).join("\n"), line: at + 2, heading, ...(hidden ? { hidden } : {}) });
      hidden = undefined;
      at = end;
    } else if (line.trim() !== "") {
      hidden = undefined; // A comment speaks for the block right below it only.
    }
  }
  return blocks;
}

function closing(lines: readonly string[], from: number, closes: (line: string) => boolean, page: string): number {
  const end = lines.findIndex((line, at) => at > from && closes(line));
  if (end === -1) throw new SyntaxError(`${page}:${from + 1}: opened and never closed`);
  return end;
}

function infoString(info: string, place: string): Pick<Block, "language" | "words" | "file"> {
  const [language = "", ...rest] = info.trim().split(/\s+/);
  const words: string[] = [];
  let file: string | undefined;
  for (const word of rest) {
    if (word.startsWith("file=")) file = word.slice("file=".length);
    else if (["run", "continue", "output", "shown"].includes(word)) words.push(word);
    else
      throw new SyntaxError(
        `${place}: unknown word "${word}" after \`\`\`${language}; known: run, continue, output, shown, file=<name>`,
      );
  }
  return { language, words, ...(file === undefined ? {} : { file }) };
}
