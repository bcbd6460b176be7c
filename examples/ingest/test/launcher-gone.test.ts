import { fork } from "node:child_process";
import { once } from "node:events";

const PROGRAM = new URL("../src/index.ts", import.meta.url);
const FLAGS = ["--conditions=@omni/source", "--experimental-strip-types", "--no-warnings"];
/** Lets the program begin when its launcher is gone already. */
const AFTERWARDS = ["--import", "data:text/javascript,await new Promise((gone) => process.once('disconnect', gone));"];

// A process of its own, and machines may be busy.
const TIME_MS = 120_000;

test.each([
  ["before it listens", AFTERWARDS],
  ["when it listens", []],
])(
  "a service whose launcher goes away %s ends as if it were told to",
  async (_when, first) => {
    const { PATH } = process.env;
    const env = { PATH, GATEWAY_PORT: "0", INGEST_PORT: "0", PROCESSOR_PORT: "0" };
    const child = fork(PROGRAM, [], { execArgv: [...FLAGS, ...first], env, stdio: ["ignore", "pipe", "inherit", "ipc"] });
    try {
      const ended = once(child, "exit");
      child.stdout?.resume();
      if (first.length === 0 && child.stdout) await once(child.stdout, "data");
      child.disconnect();
      expect(await ended).toEqual([null, "SIGTERM"]);
    } finally {
      child.kill("SIGKILL");
    }
  },
  TIME_MS,
);
