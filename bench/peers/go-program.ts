// A Go program that lives for all rounds, as the processes of the other subjects do: a round is one line to it and one back.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Session } from "../runner/benchmark.ts";
import { findProgram } from "../runner/needs.ts";

/** What a peer in Go needs. */
export const needsGo = { program: "go", how: "install Go from https://go.dev/dl/" } as const;

/** Builds `bench/go/<name>`; `null` where there is no Go. */
export function buildGo(name: string, folder: string): string | null {
  if (findProgram("go") === undefined) return null;
  const program = join(folder, `go-${name}`);
  const cwd = fileURLToPath(new URL(`../go/${name}`, import.meta.url));
  execFileSync("go", ["build", "-o", program, "."], { cwd, stdio: ["ignore", "inherit", "inherit"] });
  return program;
}

/** @param line what the program is told each round */
export function goSession(program: string, args: readonly string[], line: string): Session {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let last = "";
  return {
    async run() {
      child.stdin.write(`${line}\n`);
      const answer = await answers.next();
      if (answer.done) throw new Error(`${program} ended without an answer`);
      last = answer.value;
      return { peakRssBytes: peakRssOf(child.pid as number) };
    },
    proof: () => last,
    close() {
      child.stdin.end();
    },
  };
}

function peakRssOf(pid: number): number {
  if (process.platform !== "linux") return 0;
  const kibibytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}
