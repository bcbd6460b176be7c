import { collect, OmniError } from "@omni/core";
import type { BrokenDriver } from "./broken-driver.ts";

export const staging: readonly BrokenDriver[] = [
  {
    promise: "staged bytes are invisible",
    caughtBy: ["staging: staged bytes are invisible until the commit", "staging: the former object stays until the commit"],
    breakIt: (driver) => ({
      async stage(path, body, options) {
        const info = await driver.write(path, body, options);
        return { token: "visible", state: "staged", commit: async () => info, discard: () => driver.delete(path, {}) };
      },
    }),
  },
  {
    promise: "a commit happens once",
    caughtBy: ["staging: a second commit gives the same answer and changes nothing"],
    breakIt: (driver) => ({
      async stage(path, body, options) {
        const bytes = body instanceof Uint8Array ? body : await collect(body);
        const staged = await driver.stage(path, bytes, options);
        return { ...staged, commit: (conditions = {}) => driver.write(path, bytes, { ...options, ...conditions }) };
      },
    }),
  },
  {
    promise: "a discarded write is gone",
    caughtBy: ["staging: discarded bytes never appear", "staging: a token of a discarded write is gone"],
    breakIt: (driver) => ({
      stage: async (path, body, options) => ({ ...(await driver.stage(path, body, options)), discard: async () => {} }),
    }),
  },
  {
    promise: "a commit looks at its conditions",
    caughtBy: ["staging: ifNoneMatch is evaluated at the commit", "staging: ifMatch is evaluated at the commit"],
    breakIt: (driver) => ({
      async stage(path, body, options) {
        const staged = await driver.stage(path, body, options);
        return { ...staged, commit: () => staged.commit() };
      },
    }),
  },
  {
    promise: "a token says that its write was committed",
    caughtBy: ["staging: a token of a committed write says so"],
    breakIt: (driver) => ({
      async resumeStage(path, token, options) {
        const staged = await driver.resumeStage(path, token, options);
        return staged.state === "committed"
          ? { ...staged, state: "gone", commit: () => Promise.reject(new OmniError("NOT_FOUND")) }
          : staged;
      },
    }),
  },
];
