import { setStage } from "./harness.ts";
import { killAll, TIMEOUT_MS } from "./lanes.ts";

test(
  "kills at every call, members a folder and a remote memory, journal: file",
  () => killAll("file", () => setStage([], "file")),
  TIMEOUT_MS,
);
