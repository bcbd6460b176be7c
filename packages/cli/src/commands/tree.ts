import type { Context, Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { countOf, formatBytes } from "../output/format.ts";
import { folderAt, type LevelEntry, levelOf } from "../places.ts";
import type { StoreTarget } from "../targets.ts";
import type { TREE_OPTIONS } from "./stores.ts";

type Options = OptionsOf<typeof TREE_OPTIONS>;

/** `omni tree`. */
export const run: Run<Options> = async (context, [text = ""], options) => {
  const target = await folderAt(await context.targets(), text);
  const walk = new Walk(context, target, options);
  await context.out.line(context.out.name(target.url));
  await walk.folder(target.path, "", 1);
  const { folders, objects, bytes } = walk;
  await context.out.line(`\n${countOf(folders, "folder")}, ${countOf(objects, "object")}, ${formatBytes(bytes)}`);
};

/** Goes through folders, one level at a time: only the levels above the present one are held. */
class Walk {
  readonly #context: Context;
  readonly #target: StoreTarget;
  readonly #options: Options;
  folders = 0;
  objects = 0;
  bytes = 0;

  constructor(context: Context, target: StoreTarget, options: Options) {
    this.#context = context;
    this.#target = target;
    this.#options = options;
  }

  async folder(path: string, indent: string, level: number): Promise<void> {
    const { depth = Number.POSITIVE_INFINITY, directories = false } = this.#options;
    const all = await levelOf(this.#target.backend, path, this.#context.signal);
    const entries = directories ? all.filter((entry) => entry.isDirectory) : all;
    for (const [at, entry] of entries.entries()) {
      const isLast = at === entries.length - 1;
      await this.#show(entry, `${indent}${isLast ? "└── " : "├── "}`, level);
      if (entry.isDirectory && level < depth) await this.folder(entry.path, `${indent}${isLast ? "    " : "│   "}`, level + 1);
    }
  }

  async #show(entry: LevelEntry, branch: string, level: number): Promise<void> {
    const { path, name, isDirectory, size } = entry;
    const { out } = this.#context;
    if (isDirectory) this.folders++;
    else {
      this.objects++;
      this.bytes += size;
    }
    const shown = out.name(name);
    const data = { path, level, isDirectory, ...(isDirectory ? {} : { size }) };
    await out.result(data, () => `${branch}${isDirectory ? out.paint("blue", shown) : shown}`);
  }
}
