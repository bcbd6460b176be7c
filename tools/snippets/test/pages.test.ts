// Every ts block of the documentation compiles, and those marked `run` run and print what the page says.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { compile } from "../compile.ts";
import { extractPrograms, inPageTerms } from "../programs.ts";
import { runProgram } from "../run.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
// Beneath the root, so that packages are found; one folder for each worker, so that two test runs do not meet.
const folder = join(root, ".cache", "snippets", String(process.pid));
const programs = extractPrograms(root, folder);
const messages = compile(
  root,
  programs.map(({ path }) => path),
);

test("the documentation has code", () => {
  expect(programs.map(({ page }) => page)).toContain("README.md");
});

test.each(programs.map((program) => [`${program.page}:${program.line}`, program] as const))("%s compiles", (_place, { path }) => {
  expect(messages.get(path)).toEqual([]);
});

describe("programs", () => {
  const runnable = programs.filter(({ run }) => run);

  test.each(runnable.map((program) => [`${program.page}:${program.line}`, program] as const))(
    "%s runs",
    async (_place, { path, output }) => {
      const end = await runProgram(path);
      expect({ code: end.code, words: end.code === 0 ? "" : inPageTerms(`${end.stdout}\n${end.stderr}`, programs, root) }).toEqual({
        code: 0,
        words: "",
      });
      if (output !== undefined) expect(end.stdout.trimEnd()).toBe(output.trimEnd());
    },
    90_000,
  );
});
