// A process that changes a journalled group, or recovers it, until it is killed at a certain call to a store. Says what it does on descriptor 3.
import { writeSync } from "node:fs";
import { OmniError } from "@omni/core";
import { bytesOf, optionsOf } from "./content.ts";
import { openGroup, type StoresConfig, watched } from "./stores.ts";

/** One change. `name` is that of the version that it makes. */
export type Step =
  | { readonly do: "write" | "create" | "stream"; readonly path: string; readonly name: string; readonly size: number }
  | { readonly do: "delete"; readonly path: string }
  | { readonly do: "copy"; readonly path: string; readonly to: string }
  | { readonly do: "move"; readonly path: string; readonly to: string }
  | { readonly do: "recover" }
  | { readonly do: "repair" };

/** Where it ends: before the n-th call, while it is under way, or after it; or it stands still there until it is told to go on. */
export interface Stop {
  readonly call: number;
  readonly how: "before" | "during" | "after" | "pause";
}

/** What an actor is told on its command line. */
export interface ActorConfig {
  readonly stores: StoresConfig;
  readonly steps: readonly Step[];
  readonly stop?: Stop | undefined;
}

/** What it says. */
export type Entry =
  | { readonly say: "start"; readonly step: number }
  | { readonly say: "done" | "refused" | "open"; readonly step: number; readonly error?: string }
  | { readonly say: "paused" }
  | { readonly say: "end"; readonly calls: number };

const { stores, steps, stop } = JSON.parse(process.argv[2] ?? "{}") as ActorConfig;
let calls = 0;

const say = (entry: Entry): void => {
  writeSync(3, `${JSON.stringify(entry)}\n`);
};

const die = (): Promise<never> => {
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => {});
};

async function around<T>(call: () => Promise<T>): Promise<T> {
  calls += 1;
  if (calls !== stop?.call) return call();
  if (stop.how === "before") return die();
  if (stop.how === "pause") {
    say({ say: "paused" });
    await new Promise((go) => process.stdin.once("data", go));
    process.stdin.pause();
    return call();
  }
  if (stop.how === "during") setTimeout(die, Math.random() * 4);
  const result = await call();
  return stop.how === "after" ? die() : result;
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.byteLength; at += 40_000) yield bytes.subarray(at, at + 40_000);
}

const group = await openGroup(stores, (driver) => watched(driver, around));

async function perform(step: Step): Promise<unknown> {
  if (step.do === "recover") return group.recover();
  if (step.do === "repair") return group.repair();
  if (step.do === "delete") return group.delete(step.path);
  if (step.do === "copy") return group.copy(step.path, step.to);
  if (step.do === "move") return group.move(step.path, step.to);
  const bytes = bytesOf(step.name, step.size);
  const options = optionsOf(step.name, bytes);
  if (step.do === "stream") return group.write(step.path, chunksOf(bytes), options);
  return group.write(step.path, bytes, step.do === "create" ? { ...options, ifNoneMatch: "*" } : options);
}

for (const [at, step] of steps.entries()) {
  say({ say: "start", step: at });
  try {
    await perform(step);
    say({ say: "done", step: at });
  } catch (error) {
    const isRefused = OmniError.is(error, "ALREADY_EXISTS", "PRECONDITION_FAILED", "NOT_FOUND");
    // What a member refuses as such, or does not know, is no consequence of a crash.
    if (!isRefused && !OmniError.is(error, "IN_DOUBT", "PARTIAL_FAILURE", "UNAVAILABLE", "TIMEOUT")) throw error;
    say({ say: isRefused ? "refused" : "open", step: at, error: error.message });
  }
}
say({ say: "end", calls });
await group.close();
