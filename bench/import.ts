// What a process pays for importing a package, as it is published: beside an empty module, and beside the SDK that the package loads at its first use.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type S3Place, startStore, stopStore } from "./peers/s3-stores.ts";
import { buildPackages } from "./peers/sync-programs.ts";
import { type Benchmark, defineBenchmark, type Peer, type Session, type Subject } from "./runner/benchmark.ts";
import { median } from "./runner/statistics.ts";

/** `imports`: what ours is. With `asks`, the process also asks a server for an object that is not there: what was loaded late is loaded then. */
type ImportParams = { readonly imports: "@omni/core" | "@omni/s3"; readonly asks: boolean; readonly starts: number };

/** A server where one is asked. */
type Fixture = S3Place | null;

const program = fileURLToPath(new URL("peers/start-program.mjs", import.meta.url));
const nothing = new URL("peers/nothing.mjs", import.meta.url).href;
const execute = promisify(execFile);

/** A process from its start to its end, without the flags of this one: Node finds what is built, not sources. @returns milliseconds within it */
async function start(specifier: string, place: Fixture): Promise<number> {
  const { PATH, HOME } = process.env;
  const words = place === null ? [specifier] : [specifier, JSON.stringify(place)];
  const { stdout } = await execute(process.execPath, [program, ...words], { env: { PATH, HOME } });
  const took = Number(stdout);
  if (!(took > 0)) throw new Error(`${specifier} printed "${stdout}" where milliseconds were expected`);
  return took;
}

function subject(label: string, specifierOf: (params: ImportParams) => string): Subject<ImportParams, Fixture> {
  return {
    label,
    start({ params, fixture }): Session {
      const specifier = specifierOf(params);
      let took: number[] = [];
      return {
        async run() {
          took = [];
          // One after the other: two at once would measure how cores are shared.
          for (let count = 0; count < params.starts; count++) took.push(await start(specifier, fixture));
        },
        figures: () => ({ "ms from its first line to its last": median(took) }),
      };
    },
  };
}

const emptyModule: Peer<ImportParams, Fixture> = {
  ...subject("an empty module", () => nothing),
  name: "nothing",
  takes: ({ asks }) => !asks,
};

const sdk: Peer<ImportParams, Fixture> = {
  ...subject("@aws-sdk/client-s3", () => "@aws-sdk/client-s3"),
  name: "aws-sdk",
  needs: { package: "@aws-sdk/client-s3", how: "npm run bench after an installation with development dependencies" },
  takes: ({ imports }) => imports === "@omni/s3",
};

const cases = [
  { imports: "@omni/core", asks: false },
  { imports: "@omni/s3", asks: false },
  { imports: "@omni/s3", asks: true },
] as const;

const benchmark: Benchmark = defineBenchmark<ImportParams, Fixture>({
  name: "import",
  title: "processes that import a package, from their start to their end",
  unit: "process",
  compare: "time",
  params: {
    full: cases.map((each) => ({ ...each, starts: 20 })),
    quick: cases.map((each) => ({ ...each, starts: 3 })),
  },
  work: ({ starts }) => starts,
  async setup({ asks }) {
    buildPackages("core", "s3");
    return asks ? startStore() : null;
  },
  teardown: async (place) => {
    if (place !== null) await stopStore(place);
  },
  subjects: { ours: subject("Omni", ({ imports }) => imports), peers: [emptyModule, sdk] },
});

export default benchmark;
