import type { Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import type { CAT_OPTIONS } from "./stores.ts";

/** `omni cat`. */
export const run: Run<OptionsOf<typeof CAT_OPTIONS>> = async ({ targets, out, signal }, objects, { offset, count }) => {
  for (const text of objects) {
    const { backend, path } = await (await targets()).store(text);
    const reader = await backend.read(path, { signal, ...(offset === undefined ? {} : { offset }), ...(count === undefined ? {} : { limit: count }) });
    try {
      for await (const chunk of reader) {
        signal.throwIfAborted();
        await out.data(chunk);
      }
    } finally {
      await reader.close();
    }
  }
};
