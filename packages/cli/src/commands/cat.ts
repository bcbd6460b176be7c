import type { Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { objectAt } from "../places.ts";
import type { CAT_OPTIONS } from "./stores.ts";

/** `omni cat`. */
export const run: Run<OptionsOf<typeof CAT_OPTIONS>> = async ({ targets, out, signal }, objects, { offset, count }) => {
  const range = { ...(offset === undefined ? {} : { offset }), ...(count === undefined ? {} : { limit: count }) };
  for (const text of objects) {
    const { backend, path } = objectAt(await (await targets()).store(text), text);
    const reader = await backend.read(path, { signal, ...range });
    try {
      for await (const chunk of reader) await out.data(chunk, signal);
    } finally {
      await reader.close();
    }
  }
};
