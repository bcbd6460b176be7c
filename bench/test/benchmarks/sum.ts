// A benchmark for the runner's own tests: small, and wrong where its parameters ask for it.
import { spawnSync } from "node:child_process";
import { defineBenchmark, type Session } from "../../runner/benchmark.ts";

type SumParams = { readonly count: number; readonly fault: "none" | "other result" | "throws" | "exits" };

function summing(count: number, add: number): Session {
  let sum = 0;
  return {
    run() {
      sum = add;
      for (let index = 0; index < count; index += 1) sum += index;
    },
    proof: () => String(sum),
  };
}

/** Holds memory during its rounds, in bytes. */
function holding(session: Session, bytes: number): Session {
  return {
    ...session,
    async run() {
      await session.run();
      Buffer.alloc(bytes, 1).at(-1);
    },
  };
}

/** Holds memory in its first round only. */
function holdingOnce(session: Session, bytes: number): Session {
  const hungry = holding(session, bytes);
  let rounds = 0;
  return { ...session, run: () => (rounds++ === 0 ? hungry.run() : session.run()) };
}

function failing(session: Session, fault: SumParams["fault"]): Session {
  return {
    ...session,
    run() {
      if (fault === "throws") throw new Error("the peer fell over");
      if (fault === "exits") process.exit(3);
      return session.run();
    },
  };
}

export default defineBenchmark<SumParams, { readonly from: string }>({
  name: "sum",
  title: "adding up",
  unit: "number",
  compare: "speed",
  params: {
    full: [{ count: 1000, fault: "none" }],
    quick: [{ count: 1000, fault: "none" }],
  },
  work: ({ count }) => count,
  setup: (params) => ({ from: `setup for ${params.count}` }),
  memoryCeilingMiB: () => 16,
  subjects: {
    ours: { label: "Ours", start: ({ params }) => summing(params.count, 0) },
    peers: [
      {
        name: "faulty",
        label: "Faulty",
        start: ({ params }) => failing(summing(params.count, params.fault === "other result" ? 1 : 0), params.fault),
      },
      { name: "hungry", label: "Hungry", start: ({ params }) => holding(summing(params.count, 0), 64 << 20) },
      {
        name: "hungry-once",
        label: "Hungry in its warm-up",
        start: ({ params }) => holdingOnce(summing(params.count, 0), 64 << 20),
      },
      {
        name: "by-program",
        label: "By a program",
        start: ({ params }) => {
          const session = summing(params.count, 0);
          return {
            ...session,
            async run() {
              await session.run();
              spawnSync(process.execPath, ["-e", "while (process.cpuUsage().user < 200_000);"]);
              return { peakRssBytes: 512 << 20 };
            },
          };
        },
      },
      {
        name: "absent-package",
        label: "Absent",
        needs: { package: "@omni/never-published", how: "it does not exist" },
        start: () => summing(0, 0),
      },
      {
        name: "absent-program",
        label: "Absent",
        needs: { program: "omni-never-built", how: "nor does it" },
        start: () => summing(0, 0),
      },
      { name: "elsewhere", label: "Elsewhere", takes: () => false, start: () => summing(0, 0) },
    ],
  },
});
