import { getEventListeners } from "node:events";
import type { Backend } from "../../backend.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf, pathsOf, writeAll } from "../objects.ts";
import { sample } from "../samples.ts";

const REASON = new Error("not wanted any more");
const ABORTED = AbortSignal.abort(REASON);

/** A call under a signal that is aborted already. */
function refuses(name: string, call: (backend: Backend, signal: AbortSignal) => unknown): Case {
  return {
    name: `${name} under an aborted signal rejects with its reason`,
    run: async ({ backend, check }) => {
      await backend.write("object", "x");
      await check.rejectsWith(name, async () => call(backend, ABORTED), REASON);
      check.bytes("the object", await bytesOf(backend, "object"), "x");
    },
  };
}

/** Giving up. */
export const cancellation: Group = {
  name: "cancellation",
  needs: [STORED],
  cases: [
    refuses("read", (backend, signal) => backend.read("object", { signal })),
    refuses("stat", (backend, signal) => backend.stat("object", { signal })),
    refuses("exists", (backend, signal) => backend.exists("object", { signal })),
    refuses("delete", (backend, signal) => backend.delete("object", { signal })),
    refuses("list", (backend, signal) => pathsOf(backend, "", { signal })),
    refuses("copy", (backend, signal) => backend.copy("object", "other", { signal })),
    refuses("move", (backend, signal) => backend.move("object", "other", { signal })),
    refuses("deleteMany", (backend, signal) => backend.deleteMany(["object"], { signal })),
    refuses("purge", (backend, signal) => backend.purge("", { signal })),
    {
      name: "an abort ends a reader",
      run: async ({ backend, check }) => {
        await backend.write("object", sample(1_000_000));
        const controller = new AbortController();
        const reader = await backend.read("object", { signal: controller.signal });
        const work = async (): Promise<void> => {
          for await (const chunk of reader) if (chunk.byteLength > 0) controller.abort(REASON);
        };
        await check.rejectsWith("reading on", work, REASON);
      },
    },
    {
      name: "an abort ends a listing",
      run: async ({ backend, check }) => {
        await writeAll(backend, ["a", "b", "c"]);
        const controller = new AbortController();
        const work = async (): Promise<void> => {
          for await (const { path } of backend.list("", { signal: controller.signal })) if (path !== "") controller.abort(REASON);
        };
        await check.rejectsWith("listing on", work, REASON);
      },
    },
    {
      name: "a signal that is never aborted leaves nothing behind",
      run: async ({ backend, check }) => {
        const { signal } = new AbortController();
        await backend.write("object", "x", { signal });
        await (await backend.read("object", { signal })).bytes();
        await backend.stat("object", { signal });
        await pathsOf(backend, "", { signal });
        await backend.delete("object", { signal });
        check.same("listeners left", getEventListeners(signal, "abort").length, 0);
      },
    },
    {
      name: "calls with time enough are not disturbed by timeoutMs",
      run: async ({ backend, check }) => {
        const timeoutMs = 60_000;
        await backend.write("object", "x", { timeoutMs });
        check.bytes("the object", await (await backend.read("object", { timeoutMs, idleTimeoutMs: timeoutMs })).bytes(), "x");
        check.same("exists", await backend.exists("object", { timeoutMs }), true);
        check.same("the listing", await pathsOf(backend, "", { timeoutMs }), ["object"]);
        await backend.delete("object", { timeoutMs });
        check.same("exists afterwards", await backend.exists("object", { timeoutMs }), false);
      },
    },
  ],
};
