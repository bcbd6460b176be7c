// The engine's messages name its options; a command line has flags.
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\bif that is meant, say allowEmptySource: true\b/, "if that is meant, give --allow-empty-source"],
  [/\bif that is meant, give a higher maxDelete, or false\b/, "if that is meant, give a higher --max-delete, or off"],
  [/\bmaxDelete\b/g, "--max-delete"],
  [/\bbackupPrefix\b/g, "--backup-dir"],
  [/\btrackRenames\b/g, "--track-renames"],
  [/\bmaxTransferBytes\b/g, "--max-transfer"],
  [/\bmaxDurationMs\b/g, "--max-duration"],
  [/\bmaxFailures\b/g, "--max-failures"],
];

/** A message of the engine as it reads on a command line. */
export function inFlags(text: string): string {
  return WORDS.reduce((result, [pattern, flag]) => result.replace(pattern, flag), text);
}
