// What the tests across processes run: one job, named by the first argument, over the root in the second.
import { once } from "node:events";
import { OmniError } from "@omni/core";
import { file } from "@omni/file";

const [job = "", root = "", ...rest] = process.argv.slice(2);
const backend = file({ root, fsync: false });

const jobs: Record<string, () => Promise<void>> = {
  /** Adds one to a counter so many times, by compare-and-set. */
  async count() {
    const times = Number(rest[0]);
    for (let done = 0; done < times; ) {
      const reader = await backend.read("counter");
      const next = String(Number(await reader.text()) + 1);
      try {
        await backend.write("counter", next, { ifMatch: reader.info.etag, metadata: { next } });
        done += 1;
      } catch (error) {
        if (!OmniError.is(error, "PRECONDITION_FAILED")) throw error;
      }
    }
  },
  /** Tries to be the first at each of many paths; says at how many it was. */
  async create() {
    console.log("ready");
    await once(process.stdin, "data");
    let won = 0;
    for (let i = 0; i < Number(rest[0]); i++) {
      try {
        await backend.write(`race/${i}`, rest[1] ?? "", { ifNoneMatch: "*" });
        won += 1;
      } catch (error) {
        if (!OmniError.is(error, "ALREADY_EXISTS")) throw error;
      }
    }
    console.log(String(won));
    process.exit(0);
  },
  /** Overwrites, changes metadata, deletes and moves one object until it is told to stop. */
  async churn() {
    let stop = false;
    process.stdin.once("data", () => {
      stop = true;
      process.stdin.destroy();
    });
    console.log("ready");
    for (let i = 0; !stop; i++) {
      const text = `${rest[0]}-${i}`;
      await backend.write("object", text.repeat(1 + (i % 5)), {
        metadata: { text, times: String(1 + (i % 5)) },
        stamp: { id: text },
      });
      if (i % 7 === 3) await backend.delete("object");
      if (i % 5 === 1) await backend.setMetadata("object", { cacheControl: text }).catch(ignoreMissing);
      if (i % 11 === 5) await backend.move("object", "elsewhere").catch(ignoreMissing);
      if (i % 11 === 6) await backend.move("elsewhere", "object").catch(ignoreMissing);
    }
  },
  /** Stages an object, says its token, and waits to be killed. */
  async stage() {
    const staged = await backend.stage("staged", "the bytes", { metadata: { of: "stage" }, stamp: { id: "w1" } });
    console.log(staged.token);
    await once(process.stdin, "data");
  },
  /** Commits a token of another process. */
  async commit() {
    const staged = await backend.resumeStage("staged", rest[0] ?? "");
    console.log(JSON.stringify({ state: staged.state, info: await staged.commit() }));
  },
};

function ignoreMissing(error: unknown): void {
  if (!OmniError.is(error, "NOT_FOUND")) throw error;
}

await (jobs[job] as () => Promise<void>)();
