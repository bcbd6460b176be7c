import { CommanderError } from "commander";
import { specs } from "./commands/index.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
import { type Invocation, makeProgram } from "./program.ts";
import { version } from "./version.ts";

/**
 * Runs the `omni` command in this process: reads its arguments, prints, asks, obeys Ctrl-C.
 *
 * @param args what follows `omni` on the command line
 * @returns the exit code; see {@link EXIT_CODES}
 */
export async function omni(args: readonly string[]): Promise<ExitCode> {
  if (args[0] === "complete") {
    const { complete } = await import("./completion/complete.ts");
    await complete(specs, args.slice(1));
    return EXIT_CODES.CLEAN;
  }
  let asked: Invocation | undefined;
  const program = makeProgram(specs, version(), (invocation) => {
    asked = invocation;
  });
  if (args.length === 0) {
    process.stderr.write(program.helpInformation());
    return EXIT_CODES.USAGE;
  }
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_CODES.CLEAN : EXIT_CODES.USAGE;
  }
  if (!asked) return EXIT_CODES.USAGE;
  // Help and completion scripts are made without what runs commands.
  const { invoke } = await import("./invoke.ts");
  return invoke(asked, args);
}
