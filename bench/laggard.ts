// What a member that accepts and never answers costs a quorum write: the same writes with it and without, to members a moment away.
import { type Benchmark, defineBenchmark, type Session } from "./runner/benchmark.ts";

type LaggardParams = { readonly writes: number; readonly bytes: number; readonly memberMs: number };

/** The longest of the shortest 99 of 100. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** Writes to three members, each a moment away; the third, where told, never answers anything that could change it. */
async function writing({ writes, bytes, memberMs }: LaggardParams, isHung: boolean): Promise<Session> {
  const [{ faulty }, { memory }, { multi }] = await Promise.all([
    import("@omni/core/testing"),
    import("@omni/memory"),
    import("@omni/multi"),
  ]);
  const body = new Uint8Array(bytes).fill(1);
  let taken: number[] = [];
  let resolved = 0;
  let close = async (): Promise<void> => {};
  return {
    async run() {
      // A group of its own for every round: what the hung member costs until it is known is part of the round.
      const members = [0, 1, 2].map((at) => {
        const away = { on: ["stat", "write"], do: "delay", delayMs: memberMs } as const;
        return faulty(memory(), at === 2 && isHung ? [{ on: ["write", "stage", "commit"], do: "hang" }] : [away]);
      });
      const store = multi(members, { mode: "quorum", memberTimeoutMs: 60_000 });
      close = async () => {
        for (const { faults } of members) faults.release();
        await store.close();
      };
      taken = [];
      resolved = 0;
      for (let at = 0; at < writes; at++) {
        const start = performance.now();
        await store.write(`object-${at}`, body);
        taken.push(performance.now() - start);
        resolved += 1;
      }
      taken.sort((a, b) => a - b);
    },
    figures: () => ({
      "P50 ms": percentile(taken, 0.5),
      "P99 ms": percentile(taken, 0.99),
      "longest ms": taken.at(-1) ?? 0,
    }),
    tidy: () => close(),
    proof: () => `${resolved} writes`,
  };
}

const benchmark: Benchmark = defineBenchmark<LaggardParams>({
  name: "laggard",
  title: "quorum writes to three members, one of which accepts and never answers",
  unit: "write",
  compare: "time",
  params: {
    full: [{ writes: 2_000, bytes: 4_096, memberMs: 2 }],
    quick: [{ writes: 300, bytes: 4_096, memberMs: 1 }],
  },
  work: ({ writes }) => writes,
  subjects: {
    ours: { label: "with a hung member", start: ({ params }) => writing(params, true) },
    peers: [{ name: "without", label: "the same without it", start: ({ params }) => writing(params, false) }],
  },
});

export default benchmark;
