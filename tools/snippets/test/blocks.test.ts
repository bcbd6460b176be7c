// No code of the documentation escapes: every block has a language, and every language its check. And no page promises what nobody can keep.
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import ts from "typescript";

import { publishedPackages } from "../../checks/packages.ts";
import { type Block, codeBlocks } from "../markdown.ts";
import { pages } from "../programs.ts";
import { type Facts, shellFaults, uninstalled } from "../shell.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const texts = pages(root).map((page) => [page, readFileSync(join(root, page), "utf8")] as const);
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
const facts: Omit<Facts, "files"> = {
  root,
  packages: new Set(publishedPackages(root).map(({ manifest }) => manifest.name)),
  scripts: new Set(Object.keys(scripts)),
  commands: new Set(["help", ...commandNames()]),
  // The rehearsal, and the tests of the command line.
  runElsewhere: new Set([
    "README.md#CommonJS and jest",
    "docs/guides/dual-write.md#A microservice",
    "docs/guides/command-line.md",
    "docs/guides/configuration.md",
  ]),
};

function commandNames(): readonly string[] {
  const files = globSync("packages/cli/src/commands/*.ts", { cwd: root });
  return files.flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/\bname: "([a-z-]+)"/g)].map(([, name]) => name ?? ""),
  );
}

/** Each language's check of a block; `ts` and the output of programs are checked by pages.test.ts. */
const checkOf: Readonly<Record<string, (block: Block, page: string, files: ReadonlySet<string>) => readonly string[]>> = {
  ts: () => [],
  text: () => [],
  md: () => [],
  sh: (block, page, files) => shellFaults(block, page, { ...facts, files }),
  js: ({ code, line }, page) => parsed(`${page}:${line}`, code),
  json: ({ code, line }, page) => {
    JSON.parse(code, undefined);
    return code.trim() === "" ? [`${page}:${line}: empty`] : [];
  },
};

function faults(page: string, text: string): readonly string[] {
  const blocks = codeBlocks(text, page);
  const files = new Set(blocks.flatMap(({ file }) => file ?? []));
  return blocks.flatMap((block) => {
    const check = checkOf[block.language];
    return check ? check(block, page, files) : [`${page}:${block.line}: no check for a block of "${block.language}"`];
  });
}

/** JavaScript, or one row of a table. */
function parsed(place: string, code: string): readonly string[] {
  const errors = [code, `[${code}]`].map((text) => ts.transpileModule(text, { reportDiagnostics: true }).diagnostics ?? []);
  return errors.every((found) => found.length > 0) ? [`${place}: does not parse`] : [];
}

test.each(texts)("%s: every block is checked", (page, text) => {
  expect(faults(page, text)).toEqual([]);
});

/** Pages for people in a clone, where every package is there. */
const forClones = /^(CONTRIBUTING\.md|examples\/|docs\/(design|performance|benchmarks)\.md)/;

test.each(texts.filter(([page]) => !forClones.test(page)))("%s: says to install what its programs import", (page, text) => {
  expect(uninstalled(codeBlocks(text, page))).toEqual([]);
});

test.each(texts)("%s: makes no promise that nobody can keep", (_page, text) => {
  expect(text).not.toMatch(/exactly[\s-]+once|atomic\s+across\s+stores/i);
});

test("descriptions of packages and changesets make none either", () => {
  const words = publishedPackages(root).map(({ path }) => readFileSync(join(path, "package.json"), "utf8"));
  expect(words.filter((text) => /exactly[\s-]+once|atomic\s+across\s+stores/i.test(text))).toEqual([]);
});

describe("the checks find what they are for", () => {
  const one = (info: string, code: string): readonly string[] =>
    faults("docs/page.md", [`${"```"}${info}`, code, "```"].join("\n"));

  test.each([
    ["a package that is not there", "sh", "npm install @omni/core @omni/nothing", "no such package: @omni/nothing"],
    ["a script that is not there", "sh", "npm run nothing", "no such script: nothing"],
    ["a program that is not there", "sh", "A=1 node nothing.ts", "no such file: nothing.ts"],
    ["a command of omni that is not there", "sh", "cat a | omni nothing ./b", "no such command: nothing"],
    ["a command that nobody looked at", "sh", "curl http://localhost", "not checked"],
    ["a block without a language", "", "anything", 'no check for a block of ""'],
    ["JavaScript that is none", "js", "const = 1;", "does not parse"],
  ])("%s", (_name, info, code, words) => {
    expect(one(info, code)).toEqual([expect.stringContaining(words)]);
  });

  test("a package that a program imports and no line installs", () => {
    const page = (install: string) =>
      codeBlocks(
        `${"```"}sh\nnpm install ${install}\n${"```"}\n${"```"}ts run\nimport { memory } from "@omni/memory";\nimport { faulty } from "@omni/core/testing";\n${"```"}`,
        "docs/page.md",
      );
    expect(uninstalled(page("@omni/core # and @omni/memory"))).toEqual(["@omni/memory"]);
    expect(uninstalled(page("@omni/core @omni/memory # all"))).toEqual([]);
  });

  test("and leave alone what is right", () => {
    expect(faults("docs/page.md", `${"```"}ts file=a.mts\n${"```"}\n${"```"}sh\nnode a.mts\n${"```"}`)).toEqual([]);
    expect(
      one("sh", "npm install @omni/core # and more\n\nnpm test -- memory\nnode tools/bootstrap.mjs demo\nomni ls ./a | sort"),
    ).toEqual([]);
    expect(one("sh shown", "curl http://localhost")).toEqual([]);
  });
});
