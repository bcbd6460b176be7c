// Commands of `sh` blocks. Most can be looked at without being run: a package that is installed must be one of ours or known, a script must be there,
// a program of the repository must exist. What is left has to say `shown`: somebody has read it, nobody runs it.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Block } from "./markdown.ts";

/** What commands are held against. */
export interface Facts {
  readonly root: string;
  /** Names of the packages that are published. */
  readonly packages: ReadonlySet<string>;
  /** Scripts of the root's manifest. */
  readonly scripts: ReadonlySet<string>;
  /** Commands of `omni`. */
  readonly commands: ReadonlySet<string>;
  /** Files that the page's own blocks are saved as (`file=`). */
  readonly files: ReadonlySet<string>;
  /** Pages whose commands other tests run, or `page#heading` for some of them. */
  readonly runElsewhere: ReadonlySet<string>;
}

/** Packages of others that a page may tell to install beside ours. */
const strangers: ReadonlySet<string> = new Set(["@opentelemetry/api", "@electric-sql/pglite", "drizzle-orm"]);

/** @returns what is wrong with a block's commands, in words */
export function shellFaults(block: Block, page: string, facts: Facts): readonly string[] {
  const isRun = facts.runElsewhere.has(page) || facts.runElsewhere.has(`${page}#${block.heading}`);
  if (isRun) return [];
  const lines = block.code
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim());
  return lines.flatMap((line) => {
    const piped = line.split(/\s\|\s/);
    const ours = piped.find((part) => part.startsWith("omni ")); // What it is piped to or from is the reader's.
    const fault = line === "" ? undefined : commandFault(ours ?? line, page, facts, block.words.includes("shown"));
    return fault === undefined ? [] : [`${page}:${block.line}: \`${line}\`: ${fault}`];
  });
}

function commandFault(
  line: string,
  page: string,
  { root, packages, scripts, commands, files }: Facts,
  shown: boolean,
): string | undefined {
  const words = line.split(/\s+/).filter((word) => !/^[A-Z_]+=/.test(word));
  const [program = "", verb = "", ...rest] = words;
  if (program === "npm" && verb === "install") {
    const unknown = rest.filter((name) => !name.startsWith("-") && !packages.has(name) && !strangers.has(name));
    return unknown.length > 0 ? `no such package: ${unknown.join(", ")}` : undefined;
  }
  if (program === "npm" && (verb === "test" || verb === "run")) {
    const script = verb === "test" ? "test" : rest[0];
    return scripts.has(script ?? "") ? undefined : `no such script: ${script}`;
  }
  if (program === "node") {
    const file = words.slice(1).find((word) => !word.startsWith("-")) ?? "";
    const places = [join(root, file), join(root, dirname(page), file)];
    return files.has(file) || places.some((place) => existsSync(place)) ? undefined : `no such file: ${file}`;
  }
  if (program === "omni") return commands.has(verb) ? undefined : `no such command: ${verb}`;
  return shown ? undefined : "not checked; say `sh shown` when it has been tried by hand";
}

/** Packages that a page's runnable programs import and no `npm install` on it names: whoever follows the page would be without them. */
export function uninstalled(blocks: readonly Block[]): readonly string[] {
  const installed = new Set(
    blocks
      .filter(({ language }) => language === "sh")
      .flatMap(({ code }) => [...code.matchAll(/^npm install ([^#\n]*)/gm)].flatMap(([, names = ""]) => names.split(/\s+/))),
  );
  const imported = blocks
    .filter(
      ({ language, words, file }) =>
        language === "ts" && (words.includes("run") || words.includes("continue") || file !== undefined),
    )
    .flatMap(({ code }) => [...code.matchAll(/\bfrom "((?:@[^/"]+\/)?[^/".:]+)(?:\/[^"]*)?"/g)].map(([, name = ""]) => name));
  return [...new Set(imported)].filter((name) => !installed.has(name)).sort();
}
