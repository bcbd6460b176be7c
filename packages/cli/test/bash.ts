import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { bareEnvironment, linesOf, OMNI } from "./process.ts";

/** What bash offers at the end of a line, once it has run the completion script. */
export async function completeInBash(script: string, line: string, cwd: string): Promise<string[]> {
  const program = join(cwd, "omni");
  await writeFile(program, `#!/bin/sh\nexec ${OMNI.map((word) => `'${word}'`).join(" ")} "$@"\n`);
  await chmod(program, 0o755);
  const ask = `${script}\nCOMP_LINE=$1\nCOMP_POINT=\${#1}\n_omni\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = bareEnvironment();
  const { stdout } = await promisify(execFile)("bash", ["-c", ask, "bash", line], {
    cwd,
    env: { ...env, PATH: `${cwd}${delimiter}${env.PATH}` },
  });
  return linesOf(stdout);
}
