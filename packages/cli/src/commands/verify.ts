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
  const open = new Set(await openPaths(group, signal));
  const verification = group.verify({ prefix, content, cursor: after, signal });
  const progress = await out.live(() => [`${countOf(verification.counts.objects, "object")} compared`]);
  const resume = (): string => {
    const at = verification.cursor;
    return at === undefined ? "nothing was compared yet" : `go on with: omni verify ${text} --after ${JSON.stringify(at)}`;
  };
  context.onInterrupt(resume);
  const found: ObjectVerdict[] = [];
  let differing = 0;
  let unexplained = 0;
  try {
    for await (const verdict of verification) {
      signal.throwIfAborted();
      if (verdict.equal) continue;
      if (isDifferent(verdict)) {
        differing += 1;
        if (!open.has(verdict.path)) {
          unexplained += 1;
          if (found.length < RECHECKED) found.push(verdict);
        }
      }
      await out.result({ ...verdict, open: open.has(verdict.path) }, `* ${out.name(describe(verdict, open))}`);
    }
  } finally {
    progress.done();
  }
  // What was decided while the listings were compared is no difference either.
  if (unexplained > 0 && unexplained === found.length) {
    const later = await openPaths(group, signal);
    if (found.every(({ path }) => later.has(path))) unexplained = 0;
  }
  const summary = verification.counts;
  await out.result({ summary, group: name, openIntents: open.size }, sentence(name, summary, open.size));
  return codeOf(summary, differing, unexplained, open.size);
};

/** Differences that are looked up again in the journal at the end. */
const RECHECKED = 1_000;

function isDifferent({ missingOn, differsOn, extraOn }: ObjectVerdict): boolean {
  return missingOn.length + differsOn.length + extraOn.length > 0;
}

function codeOf(summary: VerifySummary, differing: number, unexplained: number, open: number): ExitCode {
  if (unexplained > 0)
    return summary.ambiguous > 0 && summary.ambiguous >= unexplained ? EXIT_CODES.NOT_COMPARABLE : EXIT_CODES.DIFFERS;
  if (summary.silent > 0) return EXIT_CODES.NOT_COMPARABLE;
  return differing > 0 || open > 0 ? EXIT_CODES.PENDING : EXIT_CODES.CLEAN;
}

function describe(
  { path, missingOn, differsOn, extraOn, silentOn, ambiguous, proof }: ObjectVerdict,
  open: ReadonlySet<string>,
): string {
  const parts = [
    ["missing on", missingOn],
    ["differs on", differsOn],
    ["extra on", extraOn],
    ["no answer from", silentOn],
  ] as const;
  const what = parts.flatMap(([words, names]) => (names.length > 0 ? [`${words} ${names.join(", ")}`] : []));
  const more = [
    `by ${proof}`,
    ...(ambiguous ? ["nothing says which is right"] : []),
    ...(open.has(path) ? ["a change is open"] : []),
  ];
  return `${path}: ${what.join("; ")} (${more.join(", ")})`;
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
