import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { PeakMethod } from "./memory.ts";
import type { Answer, Question, Sample } from "./messages.ts";

/** Sources run as they are; a flag is needed before Node 22.18 and does no harm after it. */
const stripTypes = ["--experimental-strip-types", "--disable-warning=ExperimentalWarning"];
const childFile = fileURLToPath(new URL("./child.ts", import.meta.url));

/**
 * One subject in a process of its own, alive for all rounds of a case: memory and CPU time are its own, while the runner
 * decides round by round whose turn it is.
 */
export class SubjectProcess {
  readonly name: string;
  readonly idleRssBytes: number;
  readonly peakMethod: PeakMethod;
  readonly #child: ChildProcess;

  private constructor(name: string, child: ChildProcess, started: Extract<Answer, { kind: "started" }>) {
    this.name = name;
    this.#child = child;
    this.idleRssBytes = started.idleRssBytes;
    this.peakMethod = started.peakMethod;
  }

  /** @throws Error when the subject cannot be made ready, with what it threw */
  static async start(question: Omit<Extract<Question, { kind: "start" }>, "kind">): Promise<SubjectProcess> {
    const child = fork(childFile, {
      // Flags are named, not inherited: a runner started under another tool must not change what is measured.
      execArgv: ["--conditions=@omni/source", "--expose-gc", ...stripTypes],
      env: { ...process.env, NODE_OPTIONS: "" },
      serialization: "json",
    });
    try {
      const started = await ask(child, question.subject, { kind: "start", ...question }, "started");
      return new SubjectProcess(question.subject, child, started);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  async round(): Promise<Sample> {
    return (await ask(this.#child, this.name, { kind: "round" }, "measured")).sample;
  }

  /** What the subject's work amounts to, or null where it offers no proof. */
  async proof(): Promise<string | null> {
    return (await ask(this.#child, this.name, { kind: "proof" }, "proven")).proof;
  }

  async finish(): Promise<void> {
    await ask(this.#child, this.name, { kind: "finish" }, "finished");
  }

  /** Ends the process whatever it is doing. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

function ask<K extends Answer["kind"]>(
  child: ChildProcess,
  name: string,
  question: Question,
  expected: K,
): Promise<Extract<Answer, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | undefined, answer?: Answer) => {
      child.off("message", onMessage).off("exit", onExit).off("error", onError);
      if (error === undefined && answer?.kind === expected) resolve(answer as Extract<Answer, { kind: K }>);
      else reject(error ?? new Error(`${name} answered "${answer?.kind}" to "${question.kind}"`));
    };
    const onMessage = (answer: Answer) =>
      answer.kind === "failed"
        ? settle(new Error(`${name} failed at "${question.kind}": ${answer.error}`))
        : settle(undefined, answer);
    const onExit = (code: number | null, signal: NodeJS.Signals | null) =>
      settle(new Error(`the process of ${name} ended at "${question.kind}" with ${signal ?? `code ${code}`}`));
    const onError = (error: Error) => settle(new Error(`${name}: ${error.message}`, { cause: error }));
    child.on("message", onMessage).on("exit", onExit).on("error", onError);
    child.send(question, (error) => {
      if (error !== null) onError(error);
    });
  });
}
