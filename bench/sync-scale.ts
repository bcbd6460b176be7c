// What the engine of sync itself costs an object, from ten thousand objects to a million: time, memory, bytes of the journal.
import { join } from "node:path";
import type { Backend } from "@omni/core";
import { endlessStore } from "./peers/endless-stores.ts";
import { type Benchmark, defineBenchmark, type Session } from "./runner/benchmark.ts";

/**
 * `compare`: two listings that show the kept time say that nothing changed. `record`: two that do not, and the journal says it. `sort`: one of them is in no
 * order. `copy`: everything is new, and recorded.
 */
type ScaleParams = { readonly run: "compare" | "record" | "sort" | "copy"; readonly objects: number };

const counts = [10_000, 100_000, 1_000_000];
const runs = ["compare", "record", "sort", "copy"] as const;

async function start({ run, objects }: ScaleParams, folder: string): Promise<Session> {
  const [{ copy }, { file }] = await Promise.all([import("@omni/sync"), import("@omni/file")]);
  const common = { objects, listsUploadTime: run === "record" };
  const from = await endlessStore({ ...common, name: "source", unsorted: run === "sort" });
  const full = await endlessStore({ ...common, name: "destination" });
  const empty = await endlessStore({ ...common, name: "destination", objects: 0 });
  const journal = file({ root: join(folder, "journal"), fsync: false });
  const keeps = run === "record" || run === "copy";
  let journalBytes = 0;
  const go = async (to: Backend): Promise<void> => {
    const report = await copy({ from, to, journal: keeps ? journal : false, maxEntries: 0 });
    const done = to === empty ? report.counts.copied : report.counts.same;
    if (!report.ok || done !== objects) throw new Error(report.text());
  };
  const forget = async (): Promise<void> => void (await journal.purge(""));
  const weigh = async (): Promise<void> => {
    journalBytes = 0;
    for await (const { size } of journal.list()) journalBytes += size;
  };
  if (run === "record") {
    await go(empty);
    await weigh();
  }
  return {
    async run() {
      await go(run === "copy" ? empty : full);
    },
    figures: () => (keeps ? { "journal bytes per object": journalBytes / objects } : {}),
    async tidy() {
      if (run !== "copy") return;
      await weigh();
      await forget();
    },
    close: () => journal.close(),
  };
}

const benchmark: Benchmark = defineBenchmark<ScaleParams>({
  name: "sync-scale",
  title: "what the engine of sync costs an object, between stores that cost nothing",
  unit: "object",
  compare: "time",
  params: {
    full: runs.flatMap((run) => counts.map((objects) => ({ run, objects }))),
    quick: runs.map((run) => ({ run, objects: 2_000 })),
  },
  rounds: { usual: 3, fewest: 3 },
  work: ({ objects }) => objects,
  subjects: { ours: { label: "Omni copy()", start: ({ params, folder }) => start(params, folder) }, peers: [] },
});

export default benchmark;
