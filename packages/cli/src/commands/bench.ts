import { randomBytes, randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { type Backend, OmniError } from "@omni/core";
import type { Context, Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { countOf, formatBytes } from "../output/format.ts";
import { folderAt } from "../places.ts";
import type { BENCH_OPTIONS } from "./tools.ts";

/** What one kind of request took. */
interface Measure {
  readonly operation: "put" | "get" | "list" | "delete";
  readonly requests: number;
  readonly bytes: number;
  readonly wallMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
}

interface Plan {
  readonly folder: string;
  readonly size: number;
  readonly objects: number;
  readonly concurrency: number;
}

const LISTINGS = 5;

/** `omni bench`. */
export const run: Run<OptionsOf<typeof BENCH_OPTIONS>> = async (context, [text = ""], options) => {
  const { out, signal, dryRun } = context;
  const { size = 64 * 1024, objects = 50, concurrency = 8 } = options;
  if (objects < 1 || concurrency < 1)
    throw new OmniError("INVALID_ARGUMENT", { reason: "--objects and --concurrency are 1 or more" });
  const { backend, path, url } = await folderAt(await context.targets(), text);
  const plan: Plan = { folder: `${path}omni-bench-${randomUUID()}/`, size, objects, concurrency };
  const what = `${countOf(objects, "object")} of ${formatBytes(size)}, ${concurrency} at once, at ${url}`;
  if (dryRun) {
    await out.result({ ...plan, url, dryRun }, `would write, read, list and delete ${what}`);
    return;
  }
  out.note(`${what}, below ${plan.folder}`);
  try {
    const measures = [await put(backend, plan, signal), await get(backend, plan, signal), await list(backend, plan, signal)];
    measures.push(await remove(backend, plan, signal));
    await report(context, plan, measures);
  } finally {
    // Also what an interrupted run wrote; this must not be cut short by the same interrupt.
    await backend.purge(plan.folder);
  }
};

async function report({ out }: Context, { size, concurrency }: Plan, measures: readonly Measure[]): Promise<void> {
  for (const measure of measures) if (out.json) await out.result({ ...measure, size, concurrency }, "");
  await out.table([
    ["operation", "requests", "per second", "bytes per second", "median", "95 % within"],
    ...measures.map(({ operation, requests, bytes, wallMs, medianMs, p95Ms }) => [
      operation,
      String(requests),
      (requests / (wallMs / 1_000)).toFixed(1),
      bytes === 0 ? "-" : formatBytes(bytes / (wallMs / 1_000)),
      `${medianMs.toFixed(1)} ms`,
      `${p95Ms.toFixed(1)} ms`,
    ]),
  ]);
  out.note("An indication of this machine, this network and this moment; not a benchmark.");
}

const pathOf = ({ folder }: Plan, at: number): string => `${folder}${String(at).padStart(6, "0")}`;

function put(backend: Backend, plan: Plan, signal: AbortSignal): Promise<Measure> {
  const body = randomBytes(plan.size);
  return measure("put", plan, plan.objects, plan.size, async (at) => {
    await backend.write(pathOf(plan, at), body, { signal });
  });
}

function get(backend: Backend, plan: Plan, signal: AbortSignal): Promise<Measure> {
  return measure("get", plan, plan.objects, plan.size, async (at) => {
    const path = pathOf(plan, at);
    const { byteLength } = await (await backend.read(path, { signal })).bytes();
    if (byteLength !== plan.size)
      throw new OmniError("CHECKSUM_MISMATCH", {
        operation: "bench",
        path,
        reason: `${byteLength} bytes came back of ${plan.size}`,
      });
  });
}

function list(backend: Backend, plan: Plan, signal: AbortSignal): Promise<Measure> {
  return measure("list", { ...plan, concurrency: 1 }, LISTINGS, 0, async () => {
    let count = 0;
    for await (const _ of backend.list(plan.folder, { signal })) count += 1;
    if (count !== plan.objects)
      throw new OmniError("UNKNOWN", { operation: "bench", reason: `the listing shows ${count} of ${plan.objects} objects` });
  });
}

function remove(backend: Backend, plan: Plan, signal: AbortSignal): Promise<Measure> {
  return measure("delete", plan, plan.objects, 0, (at) => backend.delete(pathOf(plan, at), { signal }));
}

async function measure(
  operation: Measure["operation"],
  { concurrency }: Plan,
  requests: number,
  size: number,
  work: (at: number) => Promise<void>,
): Promise<Measure> {
  const times: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < requests; at = next++) {
      const began = performance.now();
      try {
        await work(at);
      } catch (error) {
        next = requests;
        throw error;
      }
      times.push(performance.now() - began);
    }
  };
  const began = performance.now();
  // All of them end before anything is cleared away: a write that is still under way would stay.
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(concurrency, requests) }, lane));
  const failed = lanes.find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
  const wallMs = performance.now() - began;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { operation, requests, bytes: requests * size, wallMs, medianMs: at(0.5), p95Ms: at(0.95) };
}
