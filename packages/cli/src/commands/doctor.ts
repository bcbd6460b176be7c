import type { Context, Run } from "../command.ts";
import { withoutSecrets } from "../config/address.ts";
import { Checkup, type Level } from "../doctor/checkup.ts";
import { checkGroup } from "../doctor/groups.ts";
import { checkQueue } from "../doctor/queues.ts";
import { checkStore } from "../doctor/stores.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import type { TargetKind, Targets } from "../targets.ts";
import type { DOCTOR_OPTIONS } from "./tools.ts";

const MARKS: Readonly<Record<Level, string>> = { ok: "ok  ", warn: "warn", fail: "FAIL", skip: "skip" };
const COLOURS = { ok: "green", warn: "yellow", fail: "red", skip: "gray" } as const;
const QUEUE_URL = /^(?:nats|tls|kafka):\/\//i;

/** `omni doctor`. */
export const run: Run<OptionsOf<typeof DOCTOR_OPTIONS>> = async (
  context,
  places,
  { readOnly = false, publish = false, timeout = 15_000 },
) => {
  const { out, signal } = context;
  const checkup = new Checkup(async ({ place, check, level, detail, remedy }) => {
    const advice = remedy === undefined ? "" : `\n      ${out.name(remedy)}`;
    await out.result(
      { place, check, level, detail, remedy },
      `${out.paint(COLOURS[level], MARKS[level])} ${out.name(`${place}: ${check}: ${detail}`)}${advice}`,
    );
  });
  const targets = await context.targets();
  const settings = { signal, timeoutMs: timeout, readOnly, publish };
  for (const { label, text, kind } of subjects(places, targets)) {
    signal.throwIfAborted();
    if (kind === "queue" || kind === "composite") {
      await checkQueue(checkup, label, () => targets.queue(text), settings);
      continue;
    }
    const isGroup = kind === "group";
    const target = await checkStore(checkup, label, () => targets.store(text), { ...settings, isGroup });
    if (target?.name !== undefined && isGroup) await checkGroup(checkup, label, await targets.group(target.name), settings);
  }
  return summarise(context, checkup);
};

interface Subject {
  readonly label: string;
  readonly text: string;
  readonly kind: TargetKind;
}

/** What is looked at, and as what. */
function subjects(places: readonly string[], targets: Targets): readonly Subject[] {
  const names = targets.names();
  const textOf = (name: string, kind: TargetKind): string => (kind === "backend" || kind === "group" ? `${name}:` : name);
  if (places.length === 0) return names.map(({ name, kind }) => ({ label: name, text: textOf(name, kind), kind }));
  return places.map((text) => {
    const known = names.find(({ name }) => name === text || text.startsWith(`${name}:`));
    const kind = known?.kind ?? (QUEUE_URL.test(text) || text === "env" ? "queue" : "backend");
    return { label: withoutSecrets(text), text: known?.name === text ? textOf(text, kind) : text, kind };
  });
}

async function summarise({ out }: Context, { counts }: Checkup): Promise<ExitCode> {
  const { ok, warn, fail, skip } = counts;
  if (ok + warn + fail + skip === 0) {
    out.warn(
      "nothing is configured: write an omni.config.json with backends or queues, set OMNI_<NAME>_URL, or name a place: omni doctor s3://bucket",
    );
    return EXIT_CODES.NOT_COMPARABLE;
  }
  await out.result({ summary: counts }, `${ok} ok, ${warn} to look at, ${fail} failed, ${skip} not checked`);
  return fail > 0 ? EXIT_CODES.FAILED : EXIT_CODES.CLEAN;
}
