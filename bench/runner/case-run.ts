import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Benchmark, type Json, ours, type Params, type Peer } from "./benchmark.ts";
import { type Judgement, judge } from "./judgement.ts";
import type { PeakMethod } from "./memory.ts";
import type { Sample } from "./messages.ts";
import { present, type Skipped } from "./needs.ts";
import type { Random } from "./random.ts";
import { alternation } from "./schedule.ts";
import { SubjectProcess } from "./subject-process.ts";

/** All that was measured of one subject in one case. */
export interface SubjectResult {
  readonly label: string;
  readonly idleRssBytes: number;
  readonly peakMethod: PeakMethod;
  readonly samples: readonly Sample[];
}

/** One case, raw and judged. */
export interface CaseResult {
  readonly params: Params;
  readonly work: number;
  readonly order: readonly (readonly string[])[];
  readonly subjects: { readonly [name: string]: SubjectResult };
  readonly judgements: readonly Judgement[];
  readonly skipped: readonly Skipped[];
  /** Set where ours has a ceiling; passing it fails the run. */
  readonly memory?: { readonly ceilingMiB: number; readonly peakMiB: number };
}

/** What a case is run with. */
export interface CaseSettings {
  /** URL of the benchmark's file: every subject's process imports it anew. */
  readonly file: string;
  readonly rounds: number;
  readonly warmUpRounds: number;
  readonly random: Random;
  /** An empty folder for the fixture and the subjects. */
  readonly scratch: string;
  readonly onRound?: (done: number, total: number) => void;
}

/**
 * Runs one case: starts a process per subject, warms all of them up, lets them prove that they do the same work, then measures
 * round by round in the drawn order.
 *
 * @throws Error when a subject fails, or when two proofs differ
 */
export async function runCase(benchmark: Benchmark, params: Params, settings: CaseSettings): Promise<CaseResult> {
  const { running, skipped } = present(benchmark.subjects.peers.filter((peer) => peer.takes?.(params) ?? true));
  const fixture = (await benchmark.setup?.(params, settings.scratch)) ?? null;
  const processes: SubjectProcess[] = [];
  try {
    for (const name of [ours, ...running.map((peer) => peer.name)]) {
      processes.push(await startSubject(name, params, fixture, settings));
    }
    for (let round = 0; round < settings.warmUpRounds; round += 1) {
      for (const subject of processes) await subject.round();
    }
    await compareProofs(processes);
    const measured = await runRounds(processes, settings);
    for (const subject of processes) await subject.finish();
    return summarize(benchmark, params, running, skipped, processes, measured, settings.random);
  } finally {
    for (const subject of processes) subject.kill();
    await benchmark.teardown?.(fixture);
  }
}

async function startSubject(subject: string, params: Params, fixture: Json, settings: CaseSettings): Promise<SubjectProcess> {
  const folder = join(settings.scratch, `subject-${subject}`);
  await mkdir(folder, { recursive: true });
  return SubjectProcess.start({ file: settings.file, subject, params, fixture, folder });
}

/** Faster by doing something else is not faster. */
async function compareProofs(processes: readonly SubjectProcess[]): Promise<void> {
  let first: { readonly name: string; readonly proof: string } | undefined;
  for (const subject of processes) {
    const proof = await subject.proof();
    if (proof === null) continue;
    first ??= { name: subject.name, proof };
    if (proof !== first.proof) {
      throw new Error(`${subject.name} did not do the same work as ${first.name}: "${proof}" instead of "${first.proof}"`);
    }
  }
}

interface Measured {
  readonly order: string[][];
  readonly samples: ReadonlyMap<string, Sample[]>;
}

async function runRounds(processes: readonly SubjectProcess[], settings: CaseSettings): Promise<Measured> {
  const byName = new Map(processes.map((subject) => [subject.name, subject]));
  const samples = new Map(processes.map((subject) => [subject.name, [] as Sample[]]));
  const order = alternation([...byName.keys()], settings.rounds, settings.random);
  for (const [round, names] of order.entries()) {
    for (const name of names) samples.get(name)!.push(await byName.get(name)!.round());
    settings.onRound?.(round + 1, settings.rounds);
  }
  return { order, samples };
}

function summarize(
  benchmark: Benchmark,
  params: Params,
  peers: readonly Peer[],
  skipped: readonly Skipped[],
  processes: readonly SubjectProcess[],
  { order, samples }: Measured,
  random: Random,
): CaseResult {
  const labels = new Map([[ours, benchmark.subjects.ours.label], ...peers.map((peer) => [peer.name, peer.label] as const)]);
  const subjects: Record<string, SubjectResult> = {};
  for (const { name, idleRssBytes, peakMethod } of processes) {
    subjects[name] = { label: labels.get(name)!, idleRssBytes, peakMethod, samples: samples.get(name)! };
  }
  const isPaced = benchmark.isPaced?.(params) ?? false;
  const judgements = peers.map((peer) =>
    judge({ ...peer, isPaced }, benchmark.compare, samples.get(ours)!, samples.get(peer.name)!, random),
  );
  const ceilingMiB = benchmark.memoryCeilingMiB?.(params);
  return {
    params,
    work: benchmark.work(params),
    order,
    subjects,
    judgements,
    skipped,
    ...(ceilingMiB !== undefined && { memory: { ceilingMiB, peakMiB: peakAboveIdleMiB(subjects[ours]!) } }),
  };
}

/** The highest resident set over all measured rounds, above what the process held when it was ready and idle. */
export function peakAboveIdleMiB(subject: SubjectResult): number {
  const peak = subject.samples.reduce((highest, sample) => Math.max(highest, sample.peakRssBytes), 0);
  return Math.max(0, peak - subject.idleRssBytes) / 2 ** 20;
}
