import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bareEnvironment, OMNI, withDirectory } from "./process.ts";

// Each line is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

const GUIDES = new URL("../../../docs/guides/", import.meta.url);

interface Step {
  readonly commands: string;
  readonly output: string;
}

/** The shell blocks of the guide that an output follows. */
function stepsOf(markdown: string): Step[] {
  const blocks = /```sh\n((?:(?!```).)*)```\n\n```text\n((?:(?!```).)*)```/gs;
  return [...markdown.matchAll(blocks)].map(([, commands = "", output = ""]) => ({ commands, output }));
}

function shell(script: string, cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("bash", ["-c", script], { cwd, env: bareEnvironment() }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
}

test.each(["command-line.md", "configuration.md"])(
  "the command lines of %s print what it says",
  async (page) => {
    const steps = stepsOf(await readFile(new URL(page, GUIDES), "utf8"));
    expect(steps.length).toBeGreaterThanOrEqual(3);
    await withDirectory(async (cwd) => {
      const rc = join(cwd, ".functions");
      await writeFile(rc, `omni() { ${OMNI.map((word) => `'${word}'`).join(" ")} "$@"; }\n`);
      for (const { commands, output } of steps) {
        const printed = await shell(`. ${rc}\n${commands}`, cwd);
        // cat adds no end of line.
        expect(printed.replaceAll(cwd, "$PWD").trimEnd()).toBe(output.trimEnd());
      }
    });
  },
  TIME_MS,
);
