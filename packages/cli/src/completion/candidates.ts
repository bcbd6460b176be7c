import type { CommandSpec } from "../command.ts";
import { flagName, type OptionSpec } from "../options.ts";
import { levelOf } from "../places.ts";
import { GLOBAL_OPTIONS, optionsOf } from "../program.ts";
import type { Targets } from "../targets.ts";

/** One thing that may stand where the cursor is. */
export interface Candidate {
  readonly value: string;
  readonly about: string;
}

// A shell shows no more, and the user waits for them.
const SHOWN_ENTRIES = 200;
const PATIENCE_MS = 2_000;

/**
 * What may stand at the end of a command line.
 *
 * @param specs all commands
 * @param words what follows `omni`; the last one is being typed
 * @param openTargets called where configured names or a store's folder are asked for
 */
export async function candidatesFor(
  specs: readonly CommandSpec[],
  words: readonly string[],
  openTargets: () => Promise<Targets>,
): Promise<readonly Candidate[]> {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? "";
  const typed = before.filter((one) => !one.startsWith("-"));
  const spec = specs.find(({ name }) => name.split(" ").every((part, at) => typed[at] === part));
  if (!spec) return word.startsWith("-") ? flagsFrom(GLOBAL_OPTIONS, word) : commandsFrom(specs, typed, word);
  const options = { ...optionsOf(spec), ...GLOBAL_OPTIONS };
  const value = optionNamed(options, before.at(-1));
  if (value && value.kind !== "flag") return valuesFrom(value.choices ?? [], word);
  if (word.startsWith("-")) return flagsFrom(options, word);
  const at = typed.length - spec.name.split(" ").length;
  const choices = spec.arguments[Math.min(at, spec.arguments.length - 1)]?.choices;
  if (choices) return valuesFrom(choices, word);
  return placesFrom(spec, word, openTargets);
}

function valuesFrom(choices: readonly string[], word: string): Candidate[] {
  return choices.filter((one) => one.startsWith(word)).map((value) => ({ value, about: "" }));
}

function commandsFrom(specs: readonly CommandSpec[], typed: readonly string[], word: string): Candidate[] {
  const found = new Map<string, string>();
  for (const { name, summary } of specs) {
    const parts = name.split(" ");
    const next = parts[typed.length];
    if (next === undefined || !next.startsWith(word) || !typed.every((part, at) => parts[at] === part)) continue;
    found.set(next, parts.length > typed.length + 1 ? `${next} commands` : summary);
  }
  if (typed.length === 0 && "help".startsWith(word)) found.set("help", "help on a command");
  return [...found].map(([value, about]) => ({ value, about }));
}

function flagsFrom(options: Readonly<Record<string, OptionSpec>>, word: string): Candidate[] {
  return [
    ...Object.entries(options).map(([key, { about }]) => ({ value: `--${flagName(key)}`, about })),
    { value: "--help", about: "help" },
  ].filter(({ value }) => value.startsWith(word));
}

function optionNamed(options: Readonly<Record<string, OptionSpec>>, word: string | undefined): OptionSpec | undefined {
  return Object.entries(options).find(
    ([key, { short }]) => word === `--${flagName(key)}` || (short !== undefined && word === `-${short}`),
  )?.[1];
}

async function placesFrom(spec: CommandSpec, word: string, openTargets: () => Promise<Targets>): Promise<Candidate[]> {
  const targets = await openTargets();
  const queues = spec.name.startsWith("queue");
  const names = targets
    .names()
    .filter(({ kind }) => queues === (kind === "queue" || kind === "composite"))
    .map(({ name, kind, from }) => ({ value: `${name}:`, about: `${kind} of ${from}` }))
    .filter(({ value }) => value.startsWith(word));
  if (queues || names.length > 0 || !/^[a-z][a-z0-9+.-]*:/i.test(word)) return names;
  return entriesFrom(targets, word);
}

/** What is in the folder of a store that is being typed. */
async function entriesFrom(targets: Targets, word: string): Promise<Candidate[]> {
  const folder = word.slice(0, Math.max(word.lastIndexOf("/"), word.lastIndexOf(":")) + 1);
  if (/^[a-z][a-z0-9+.-]*:\/{0,2}$/i.test(folder) && folder.endsWith("/")) return [];
  const { backend, path } = await targets.store(folder);
  const entries = await levelOf(backend, path, AbortSignal.timeout(PATIENCE_MS));
  return entries
    .slice(0, SHOWN_ENTRIES)
    .map(({ name, isDirectory }) => ({ value: `${folder}${name}`, about: isDirectory ? "folder" : "object" }))
    .filter(({ value }) => value.startsWith(word));
}
