// docs/verification: one file for each check of the full tier, written when it passes, read on every push.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, type as systemName, totalmem } from "node:os";
import { join } from "node:path";

import type { Check } from "./check.ts";
import { commitOf, inputsDigest } from "./inputs.ts";

/** The content of docs/verification/<check>.json. */
export interface VerificationResult {
  readonly check: string;
  readonly about: string;
  readonly commit: string;
  /** Digest over the check's declared inputs: the result speaks for these files and no others. */
  readonly inputs: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly seed: number;
  readonly counts: Readonly<Record<string, unknown>>;
  readonly startedAt: string;
  readonly durationSeconds: number;
  readonly command: string;
}

/** `missing`: never recorded. `stale`: an input has changed since. `current`: speaks for the files as they are. */
export type ResultState = "missing" | "stale" | "current";

export interface ResultStanding {
  readonly state: ResultState;
  readonly result?: VerificationResult;
}

export function resultPath(root: string, name: string): string {
  return join(root, "docs", "verification", `${name}.json`);
}

/** @throws SyntaxError when the file is there and is not JSON */
export function standing(root: string, check: Check): ResultStanding {
  const result = readResult(resultPath(root, check.name));
  if (!result) return { state: "missing" };
  return { state: result.inputs === inputsDigest(root, check.inputs ?? []) ? "current" : "stale", result };
}

function readResult(path: string): VerificationResult | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as VerificationResult;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export interface Recording {
  readonly check: Check;
  readonly counts: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly startedAt: Date;
  readonly durationSeconds: number;
  /** Taken before the check began: a file changed while it ran makes the result stale. */
  readonly inputs: string;
}

export function writeResult(root: string, recording: Recording): string {
  const { check, counts, seed, startedAt, durationSeconds, inputs } = recording;
  const result: VerificationResult = {
    check: check.name,
    about: check.about,
    commit: commitOf(root),
    inputs,
    versions: versions(root),
    machine: `${systemName()} ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    seed,
    counts,
    startedAt: startedAt.toISOString(),
    durationSeconds: Number(durationSeconds.toFixed(1)),
    command: `npm run verify:full -- ${check.name}`,
  };
  const path = resultPath(root, check.name);
  mkdirSync(join(root, "docs", "verification"), { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
  return path;
}

function versions(root: string): Record<string, string> {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    packageManager: string;
    devDependencies: Record<string, string>;
  };
  const { jest = "", typescript = "", "fast-check": fastCheck = "" } = manifest.devDependencies;
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    pnpm: manifest.packageManager.replace("pnpm@", ""),
    typescript,
    jest,
    "fast-check": fastCheck,
  };
}
