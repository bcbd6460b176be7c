import { Command, Option } from "commander";
import type { CommandSpec } from "./command.ts";
import { flagsOf, type OptionSpec, parserOf } from "./options.ts";

/** What every command takes. */
export interface GlobalOptions {
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly debug?: boolean | undefined;
  readonly color: "auto" | "always" | "never";
  readonly dryRun?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

export const GLOBAL_OPTIONS = {
  config: { kind: "text", value: "file", about: "configuration, instead of the nearest omni.config.{ts,json}" },
  json: { kind: "flag", about: "results as JSON, one object a line" },
  quiet: { kind: "flag", short: "q", about: "results and errors alone" },
  color: {
    kind: "text",
    value: "when",
    choices: ["auto", "always", "never"],
    default: "auto",
    about: "colours: auto, always or never",
  },
  debug: { kind: "flag", about: "errors with their causes and stacks" },
} as const;

/** What commands take that change something, and those that ask before. */
export const CHANGE_OPTION: OptionSpec = { kind: "flag", short: "n", about: "change nothing, say what would be done" };
export const ASK_OPTION: OptionSpec = { kind: "flag", short: "y", about: "do not ask before deleting" };

/** What a parsed command line asks for. */
export interface Invocation {
  readonly spec: CommandSpec;
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly globals: GlobalOptions;
}

/** The options of a command with those that the frame adds. */
export function optionsOf(spec: CommandSpec): Readonly<Record<string, OptionSpec>> {
  return {
    ...spec.options,
    ...(spec.changes ? { dryRun: CHANGE_OPTION } : {}),
    ...(spec.asks ? { yes: ASK_OPTION } : {}),
  };
}

/**
 * Makes the parser of command lines.
 *
 * @param specs all commands
 * @param version what `--version` prints
 * @param invoke called with what was asked for
 */
export function makeProgram(specs: readonly CommandSpec[], version: string, invoke: (invocation: Invocation) => void): Command {
  const program = new Command("omni")
    .description("Object stores and queues: list, copy, sync, check and repair, between any two.")
    .version(version, "-V, --version", "the version")
    .helpOption("-h, --help", "help on a command: omni help sync")
    .helpCommand("help [command]", "help on a command")
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .exitOverride();
  for (const [key, spec] of Object.entries(GLOBAL_OPTIONS)) program.addOption(optionOf(key, spec));
  const groups = new Map<string, Command>();
  for (const spec of specs) parentOf(spec, program, groups).addCommand(commandOf(spec, invoke));
  for (const group of groups.values()) group.description(group.commands.map((command) => command.name()).join(", "));
  program.addHelpText(
    "after",
    "\nPlaces are URLs (s3://bucket/prefix, gs://bucket, file:///dir), local paths, or name:path of your omni.config.\nExit codes: 0 clean, 1 differs, 2 pending, 3 not comparable, 4 failed, 5 declined, 6 not found, 64 usage, 130 interrupted.",
  );
  return program;
}

/** `queue publish` is the command `publish` of the group `queue`. */
function parentOf(spec: CommandSpec, program: Command, groups: Map<string, Command>): Command {
  const [group, rest] = spec.name.split(" ");
  if (rest === undefined || group === undefined) return program;
  const present = groups.get(group);
  if (present) return present;
  const made = new Command(group).helpGroup(`${spec.heading}:`).copyInheritedSettings(program);
  groups.set(group, made);
  program.addCommand(made);
  return made;
}

function commandOf(spec: CommandSpec, invoke: (invocation: Invocation) => void): Command {
  const command = new Command(spec.name.split(" ").at(-1))
    .helpGroup(`${spec.heading}:`)
    .summary(spec.summary)
    .description(`${spec.summary}.${spec.description ? `\n\n${spec.description}` : ""}`)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showSuggestionAfterError();
  for (const { name, about } of spec.arguments) command.argument(name, about);
  if (spec.usage !== undefined) command.usage(spec.usage);
  for (const [key, option] of Object.entries(optionsOf(spec))) command.addOption(optionOf(key, option));
  const examples = spec.examples.map(({ command: line, about }) => `  ${line}\n      ${about}`);
  command.addHelpText("after", `\nExamples:\n${examples.join("\n")}`);
  return command.action((...given: unknown[]) => {
    const args = given
      .slice(0, spec.arguments.length)
      .flat()
      .filter((arg) => arg !== undefined) as string[];
    const globals = command.optsWithGlobals() as GlobalOptions;
    invoke({ spec, args, options: givenOptions(spec, command.opts()), globals });
  });
}

/** Commander takes `--no-x` for the opposite of an option `x`, which is there from the start; here it is an option of its own. */
function givenOptions(spec: CommandSpec, parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options: Record<string, unknown> = { ...parsed };
  for (const key of Object.keys(spec.options)) {
    if (!/^no[A-Z]/.test(key)) continue;
    const opposite = (key[2] as string).toLowerCase() + key.slice(3);
    if (parsed[opposite] === false) options[key] = true;
    delete options[opposite];
  }
  return options;
}

function optionOf(key: string, spec: OptionSpec): Option {
  const option = new Option(
    flagsOf(key, spec),
    spec.default === undefined ? spec.about : `${spec.about} (default: ${spec.default})`,
  );
  const parser = parserOf(spec);
  if (parser) option.argParser(parser);
  return option;
}
