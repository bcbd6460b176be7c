// A clone of HEAD on as little of a machine as the README asks for: an empty environment, an empty home, and a PATH of four links.
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { nodeVersion, recentEnough } from "../bootstrap/toolchain.mjs";
import { type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";

/** The oldest line that the bootstrap starts on, for machines whose own Node is newer. */
const node20 = "20.20.2";

/** Both commands, twice: the second time nothing may be fetched or installed. */
export async function bareClone(context: CheckContext): Promise<CheckOutcome> {
  return inBareClone(context, async (run, node) => {
    const seconds: Record<string, number> = {};
    for (const name of ["demo", "test"]) {
      seconds[`${name}, first`] = await run(["run", name], name === "demo");
      seconds[`${name}, again`] = await run(["run", name], false);
    }
    return { passed: 4, counts: { node, seconds } };
  });
}

/** The set-up and one command, twice. */
export async function bareCloneQuick(context: CheckContext): Promise<CheckOutcome> {
  return inBareClone(context, async (run, node) => {
    const first = await run(["run", "demo"], true);
    const again = await run(["run", "demo"], false);
    return { passed: 2, note: `Node ${node}: ${first} s with all the set-up, ${again} s the second time` };
  });
}

/** Runs npm with the given words; says how many seconds it took. `sets up` tells whether the bootstrap may fetch anything. */
type BareRun = (words: readonly string[], setsUp: boolean) => Promise<number>;

async function inBareClone(
  context: CheckContext,
  work: (run: BareRun, node: string) => Promise<CheckOutcome>,
): Promise<CheckOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "omni-bare-"));
  try {
    await context.run("git", ["clone", "--quiet", "--no-hardlinks", context.root, join(folder, "clone")]);
    const bin = join(folder, "bin");
    const home = join(folder, "home");
    for (const path of [bin, home]) mkdirSync(path);
    const node = await oldNode(context);
    for (const [name, target] of [
      ["node", node],
      ["npm", onPath(context, "npm")],
      ["git", onPath(context, "git")],
      ["sh", onPath(context, "sh")],
    ] as const) {
      symlinkSync(realpathSync(target), join(bin, name));
    }
    const version = (await context.run(node, ["--version"])).trim().slice(1);
    const run: BareRun = async (words, setsUp) => {
      const started = performance.now();
      // Standard error is part of what is looked at: the bootstrap tells there what it fetches.
      const output = await context.run("sh", ["-c", `npm ${words.join(" ")} 2>&1`], {
        cwd: join(folder, "clone"),
        bareEnv: { PATH: bin, HOME: home },
      });
      const fetched = /^omni: (fetching|installing)/m.test(output);
      if (fetched !== setsUp)
        throw new CheckFailure(
          setsUp ? "the set-up brought nothing: the environment is not bare" : "the second run set things up again",
        );
      return Number(((performance.now() - started) / 1000).toFixed(1));
    };
    return await work(run, version);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The machine's own Node when it is too old for the packages, as the README's bare machine has it; else Node 20 from the registry. */
async function oldNode(context: CheckContext): Promise<string> {
  const own = onPath(context, "node");
  const version = (await context.run(own, ["--version"])).trim().slice(1);
  return recentEnough(version) ? nodeVersion({ version: node20, cache: context.cache, env: context.env }) : own;
}

/** A program of the machine, not of the toolchain that the bootstrap has put in front. */
function onPath(context: CheckContext, name: string): string {
  const ours = [context.cache, context.root];
  const folders = (context.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !ours.some((path) => folder.startsWith(path)));
  const found = folders.map((folder) => join(folder, name)).find(executable);
  if (!found) throw new CheckFailure(`${name} is not on the PATH`);
  return found;
}

function executable(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // There, but not for us: the next folder of the PATH may have one.
  }
}
