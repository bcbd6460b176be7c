/**
 * The keeper: a small process that outlives its owner just long enough to clean up. `node keeper.ts OWNER` reads standard input, which
 * is a pipe held open by the owner; when the owner ends, however it ends, the pipe closes and every server of that owner is ended
 * and its folder removed. With `--until EPOCH_MS` it waits for that time instead (servers of `up`, which have no living owner).
 */
import { setTimeout as delay } from "node:timers/promises";
import { forgetKeeper, removeAll } from "./owners.ts";

const [owner, option, value] = process.argv.slice(2);
if (!owner) throw new Error("usage: keeper.ts OWNER [--until EPOCH_MS]");

if (option === "--until") {
  await delay(Math.max(0, Number(value) - Date.now()));
} else {
  process.stdin.resume();
  await new Promise<void>((resolve) => process.stdin.once("close", resolve).once("error", () => resolve()));
}
await removeAll(owner, 500);
await forgetKeeper(owner, process.pid);
