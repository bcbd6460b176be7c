import { setStage } from "./harness.ts";
import { killAll, TIMEOUT_MS } from "./lanes.ts";

test(
  "kills at every call: members a folder and a remote memory; the journal a remote memory, a folder, or on a member",
  () =>
    killAll(2, { remote: () => setStage([], "remote"), file: () => setStage([], "file"), member: () => setStage([], "member") }),
  TIMEOUT_MS,
);
