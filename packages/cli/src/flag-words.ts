// The engine's messages name its options; a command line has flags.
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\bif that is meant, say allowEmptySource: true\b/, "if that is meant, give --allow-empty-source"],
  [/\bif that is meant, give a higher maxDelete, or false\b/, "if that is meant, give a higher --max-delete, or off"],
  [/\bmaxDelete\b/g, "--max-delete"],
  [/\bbackupPrefix\b/g, "--backup-dir"],
  [/\bcompareDest\b/g, "--compare-dest"],
  [/\bcopyDest\b/g, "--copy-dest"],
  [/\btrackRenames\b/g, "--track-renames"],
  [/\bneeds deletes: "after", not "(before|during)"/, "needs --delete-after, not --delete-$1"],
  [/\bmaxTransferBytes\b/g, "--max-transfer"],
  [/\bmaxDurationMs\b/g, "--max-duration"],
  [/\bmaxFailures\b/g, "--max-failures"],
  [/\btransactionsPerSecond\b/g, "--tpslimit"],
  [/\bmodifyWindowMs\b/g, "--modify-window"],
  [/\btimeoutMs\b/g, "--timeout"],
  [/\brangesAboveBytes\b/g, "--multi-thread-cutoff"],
  [/\brangeStreams\b/g, "--multi-thread-streams"],
  [/\bkeepPartsAboveBytes\b/g, "--keep-parts-above"],
];

/** A message of the engine as it reads on a command line. */
export function inFlags(text: string): string {
  return WORDS.reduce((result, [pattern, flag]) => result.replace(pattern, flag), text);
}
