import { comparePaths } from "@omni/core";
import type { Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { countOf, formatBytes } from "../output/format.ts";
import { folderAt } from "../places.ts";
import type { DU_OPTIONS } from "./stores.ts";

interface Sum {
  objects: number;
  bytes: number;
}

/** `omni du`. */
export const run: Run<OptionsOf<typeof DU_OPTIONS>> = async (
  { targets, out, signal },
  [text = ""],
  { depth = 1, bytes: exact },
) => {
  const { backend, path: folder } = await folderAt(await targets(), text);
  const total: Sum = { objects: 0, bytes: 0 };
  const folders = new Map<string, Sum>();
  for await (const { path, size, isDirectory } of backend.list(folder, { signal })) {
    if (isDirectory) continue;
    add(total, size);
    const segments = path.slice(folder.length).split("/").slice(0, -1);
    for (let level = 1; level <= Math.min(depth, segments.length); level++) {
      const name = `${segments.slice(0, level).join("/")}/`;
      const sum = folders.get(name) ?? { objects: 0, bytes: 0 };
      folders.set(name, sum);
      add(sum, size);
    }
  }
  const line = async (path: string, { objects, bytes }: Sum, isTotal: boolean): Promise<void> => {
    const size = exact ? String(bytes) : formatBytes(bytes);
    await out.result(
      { path, isTotal, objects, bytes },
      `${size.padStart(12)}  ${countOf(objects, "object").padStart(16)}  ${out.name(path)}`,
    );
  };
  for (const name of [...folders.keys()].sort(comparePaths)) await line(name, folders.get(name) as Sum, false);
  await line(".", total, true);
};

function add(sum: Sum, size: number): void {
  sum.objects++;
  sum.bytes += size;
}
