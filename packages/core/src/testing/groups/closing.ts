import type { Backend } from "../../backend.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { pathsOf } from "../objects.ts";
import { recording } from "../recording.ts";

/** A call to a closed backend. */
function refuses(name: string, call: (backend: Backend) => unknown): Case {
  return {
    name: `${name} on a closed backend is BACKEND_CLOSED`,
    run: async ({ backend, check }) => {
      await backend.write("object", "x");
      const watched = recording(backend);
      await watched.close();
      watched.requests.clear();
      const error = await check.fails(name, () => call(watched), "BACKEND_CLOSED");
      check.same("requests made to the driver", watched.requests.counts(), {});
      check.same("retryable", error.retryable, false);
    },
  };
}

/** After the end. */
export const closing: Group = {
  name: "closing",
  needs: [STORED],
  cases: [
    refuses("read", (backend) => backend.read("object")),
    refuses("write", (backend) => backend.write("object", "y")),
    refuses("createWriter", async (backend) => {
      const writer = backend.createWriter("object");
      await writer.write("y");
      await writer.close();
    }),
    refuses("stat", (backend) => backend.stat("object")),
    refuses("exists", (backend) => backend.exists("object")),
    refuses("list", (backend) => pathsOf(backend)),
    refuses("delete", (backend) => backend.delete("object")),
    refuses("deleteMany", (backend) => backend.deleteMany(["object"])),
    refuses("purge", (backend) => backend.purge("")),
    refuses("copy", (backend) => backend.copy("object", "other")),
    refuses("move", (backend) => backend.move("object", "other")),
    refuses("stage", (backend) => backend.stage("object", "y")),
    refuses("resumeStage", (backend) => backend.resumeStage("object", "token")),
    {
      name: "a second close does nothing",
      run: async ({ backend, check }) => {
        await backend.write("object", "x");
        await backend.close();
        await backend.close();
        await backend[Symbol.asyncDispose]();
        await check.fails("stat", backend.stat("object"), "BACKEND_CLOSED");
      },
    },
    {
      name: "a backend that was never used can be closed",
      run: async ({ backend, check }) => {
        await backend.close();
        await check.fails("exists", backend.exists("object"), "BACKEND_CLOSED");
      },
    },
    {
      name: "a writer that is open when its backend closes does not report success",
      run: async ({ backend, check }) => {
        const writer = backend.createWriter("object");
        await writer.write("x");
        await backend.close();
        await check.fails("close of the writer", () => writer.close(), "BACKEND_CLOSED", "WRITER_CLOSED");
      },
    },
  ],
};
