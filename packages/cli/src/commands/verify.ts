import type { ObjectVerdict, VerifySummary } from "@omni/multi";
import type { Run } from "../command.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import { countOf, formatBytes } from "../output/format.ts";
import { groupAt, openPaths } from "./group-target.ts";
import type { VERIFY_OPTIONS } from "./groups.ts";

/** `omni verify`. */
export const run: Run<OptionsOf<typeof VERIFY_OPTIONS>> = async (context, [text = ""], { content, after }) => {
  const { out, signal } = context;
  const { group, name, prefix } = await groupAt(context, text);
  const verification = group.verify({ prefix, content, cursor: after, signal });
  const progress = await out.live(() => [`${countOf(verification.counts.objects, "object")} compared`]);
  context.onInterrupt(() => {
    const at = verification.cursor;
    return at === undefined ? "nothing was compared yet" : `go on with: omni verify ${text} --after ${JSON.stringify(at)}`;
  });
  const differing: string[] = [];
  let count = 0;
  try {
    for await (const verdict of verification) {
      signal.throwIfAborted();
      if (verdict.equal) continue;
      if (isDifferent(verdict)) {
        count += 1;
        if (differing.length < LOOKED_UP) differing.push(verdict.path);
      }
      await out.result({ ...verdict }, `* ${out.name(describe(verdict))}`);
    }
  } finally {
    progress.done();
  }
  const open = await openPaths(group, signal);
  // Where a decided change is not finished yet, members may differ.
  const isExplained = count === differing.length && differing.every((path) => open.has(path));
  const summary = verification.counts;
  await out.result({ summary, group: name, openIntents: open.size }, sentence(name, summary, open.size));
  return codeOf(summary, count, isExplained, open.size);
};

/** Differences that are looked up among the open changes; with more of them, not all are explained. */
const LOOKED_UP = 1_000;

function isDifferent({ missingOn, differsOn, extraOn }: ObjectVerdict): boolean {
  return missingOn.length + differsOn.length + extraOn.length > 0;
}

function codeOf(summary: VerifySummary, differing: number, isExplained: boolean, open: number): ExitCode {
  if (differing > 0 && !isExplained) return summary.ambiguous >= differing ? EXIT_CODES.NOT_COMPARABLE : EXIT_CODES.DIFFERS;
  if (summary.silent > 0) return EXIT_CODES.NOT_COMPARABLE;
  return open > 0 ? EXIT_CODES.PENDING : EXIT_CODES.CLEAN;
}

function describe({ path, missingOn, differsOn, extraOn, silentOn, ambiguous, proof }: ObjectVerdict): string {
  const parts = [
    ["missing on", missingOn],
    ["differs on", differsOn],
    ["extra on", extraOn],
    ["no answer from", silentOn],
  ] as const;
  const what = parts.flatMap(([words, names]) => (names.length > 0 ? [`${words} ${names.join(", ")}`] : []));
  return `${path}: ${what.join("; ")} (by ${proof}${ambiguous ? ", nothing says which is right" : ""})`;
}

function sentence(
  name: string,
  { objects, bytes, equal, missing, differs, extra, silent, ambiguous }: VerifySummary,
  open: number,
): string {
  const counts = [
    [missing, "missing somewhere"],
    [differs, "different"],
    [extra, "not everywhere deleted"],
    [silent, "unanswered"],
    [ambiguous, "of them ambiguous"],
  ] as const;
  const rest = counts.flatMap(([n, words]) => (n > 0 ? [`${n} ${words}`] : []));
  const intents = open > 0 ? `; ${countOf(open, "open intent")}, see: omni intents ${name}` : "";
  return `${name}: ${countOf(objects, "object")}, ${formatBytes(bytes)}: ${[`${equal} alike`, ...rest].join(", ")}${intents}`;
}
