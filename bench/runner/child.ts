// The process of one subject: it answers one question at a time and measures nothing but `run`.
import { readFileSync } from "node:fs";
import type { Benchmark, Session, Subject } from "./benchmark.ts";
import { ours } from "./benchmark.ts";
import { watchMemory } from "./memory.ts";
import type { Answer, Question, Sample } from "./messages.ts";

const memory = watchMemory();
let session: Session | undefined;

function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error("a subject's process must be started with --expose-gc");
  globalThis.gc();
}

/** CPU time of programs this process has waited for, in microseconds; getrusage of children is not offered by Node. */
function waitedCpuMicros(): number {
  if (process.platform !== "linux") return 0;
  const stat = readFileSync("/proc/self/stat", "utf8");
  // Fields after the command's closing parenthesis: cutime is the 16th, cstime the 17th of proc_pid_stat(5), in 10 ms ticks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10_000;
}

async function findSubject(file: string, name: string): Promise<Subject> {
  const { default: benchmark } = (await import(file)) as { default: Benchmark };
  const subject = name === ours ? benchmark.subjects.ours : benchmark.subjects.peers.find((peer) => peer.name === name);
  if (subject === undefined) throw new Error(`${file} has no subject named "${name}"`);
  return subject;
}

async function start(question: Extract<Question, { kind: "start" }>): Promise<Answer> {
  const subject = await findSubject(question.file, question.subject);
  session = await subject.start({ params: question.params, fixture: question.fixture, folder: question.folder });
  collectGarbage();
  return { kind: "started", idleRssBytes: memory.current(), peakMethod: memory.method };
}

async function measure(running: Session): Promise<Sample> {
  // Garbage of the round before is nobody's cost in this one.
  collectGarbage();
  memory.reset();
  const waitedBefore = waitedCpuMicros();
  const cpuBefore = process.cpuUsage();
  const begin = process.hrtime.bigint();
  const outside = await running.run();
  const wallNanos = Number(process.hrtime.bigint() - begin);
  const cpu = process.cpuUsage(cpuBefore);
  const cpuMicros = cpu.user + cpu.system + waitedCpuMicros() - waitedBefore;
  const peakRssBytes = memory.peak() + (outside?.peakRssBytes ?? 0);
  const figures = running.figures?.();
  await running.tidy?.();
  return { wallNanos, cpuMicros, peakRssBytes, ...(figures && { figures }) };
}

async function answer(question: Question): Promise<Answer> {
  if (question.kind === "start") return start(question);
  if (session === undefined) throw new Error(`"${question.kind}" was asked before "start"`);
  if (question.kind === "round") return { kind: "measured", sample: await measure(session) };
  if (question.kind === "proof") return { kind: "proven", proof: await prove(session) };
  await session.close?.();
  return { kind: "finished" };
}

/** A round that is kept in place for the proof, then tidied. */
async function prove(running: Session): Promise<string | null> {
  if (running.proof === undefined) return null;
  await running.run();
  const proof = await running.proof();
  await running.tidy?.();
  return proof;
}

function send(reply: Answer): void {
  process.send?.(reply, () => {
    if (reply.kind === "finished") process.disconnect();
  });
}

process.on("message", (question: Question) => {
  answer(question).then(send, (error: unknown) => {
    send({ kind: "failed", error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});
// Without its runner there is nothing to measure for.
process.on("disconnect", () => process.exit());
