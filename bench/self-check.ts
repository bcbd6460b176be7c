// The ruler measured: a function beside itself must come out equal, and beside twice the work it must come out twice as fast.
import { createHash } from "node:crypto";
import { defineBenchmark, type Session } from "./runner/benchmark.ts";

type SelfCheckParams = { readonly blocks: number };

const block = new Uint8Array(1 << 20).fill(7);

function hashing(blocks: number, times: number): Session {
  let digest = "";
  return {
    run() {
      for (let time = 0; time < times; time += 1) {
        const hash = createHash("sha256");
        for (let index = 0; index < blocks; index += 1) hash.update(block);
        digest = hash.digest("hex");
      }
    },
    proof: () => digest,
  };
}

export default defineBenchmark<SelfCheckParams>({
  name: "self-check",
  title: "the runner beside itself",
  unit: "MiB",
  compare: "speed",
  params: { full: [{ blocks: 128 }], quick: [{ blocks: 8 }] },
  work: ({ blocks }) => blocks,
  subjects: {
    ours: { label: "a function", start: ({ params }) => hashing(params.blocks, 1) },
    peers: [
      { name: "same", label: "the same function", target: { includes: 1 }, start: ({ params }) => hashing(params.blocks, 1) },
      {
        name: "double",
        label: "the same function, twice",
        target: { includes: 2 },
        start: ({ params }) => hashing(params.blocks, 2),
      },
    ],
  },
});
