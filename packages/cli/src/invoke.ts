import type { Context } from "./command.ts";
import { Ending } from "./ending.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
import { openTargets } from "./opening.ts";
import { ask } from "./output/confirm.ts";
import { Output } from "./output/output.ts";
import type { Invocation } from "./program.ts";
import type { Targets } from "./targets.ts";

/**
 * Runs one command: makes its context, ends it cleanly, turns errors into messages and exit codes.
 *
 * @param typed the whole command line after `omni`
 */
export async function invoke({ spec, args, options, globals }: Invocation, typed: readonly string[]): Promise<ExitCode> {
  const { stdin, stdout, stderr } = process;
  const { json = false, quiet = false, color = "auto", dryRun = false, yes = false, debug = false } = globals;
  const out = new Output({ stdout, stderr, json, quiet, color });
  const ending = new Ending(out);
  let targets: Promise<Targets> | undefined;
  const context: Context = {
    targets: () => {
      targets ??= openTargets(globals.config);
      return targets;
    },
    out,
    signal: ending.signal,
    confirm: async (question) => {
      if (yes || dryRun) return;
      await ask(question, { stdin, stderr, out, signal: ending.signal, interrupt: () => ending.interrupt("SIGINT") });
    },
    isConfirmed: yes,
    commandLine: shellLine(["omni", ...typed]),
    onInterrupt: (advice) => ending.advise(advice),
    json,
    quiet,
    dryRun,
    env: process.env,
    cwd: process.cwd(),
    configFile: globals.config,
  };
  let code: ExitCode;
  try {
    const { run } = await spec.load();
    code = (await run(context, args, options as never)) ?? EXIT_CODES.CLEAN;
  } catch (error) {
    code = ending.explain(error, debug);
  }
  try {
    await (await targets)?.close();
  } catch (error) {
    if (code === EXIT_CODES.CLEAN) code = ending.explain(error, debug);
  }
  await out.end();
  ending.release();
  return code;
}

/** A command line as it may be typed again. */
function shellLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
