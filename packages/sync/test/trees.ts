import { type Backend, createBackend, type ObjectInfo, type StorageDriver } from "@omni/core";

/** An object of a test's tree: its text, or more. */
export type Leaf =
  | string
  | { readonly text: string; readonly at?: number; readonly metadata?: Record<string, string>; readonly contentType?: string };
export type Tree = Readonly<Record<string, Leaf>>;

/** A moment of the tests: so many seconds after a fixed one. */
export function moment(seconds: number): Date {
  return new Date(1_700_000_000_000 + seconds * 1_000);
}

/** Writes a tree; what has no time of its own has `moment(0)`. */
export async function plant(backend: Backend, tree: Tree, prefix = ""): Promise<void> {
  for (const [path, leaf] of Object.entries(tree)) {
    const { text, at = 0, metadata, contentType } = typeof leaf === "string" ? { text: leaf } : leaf;
    await backend.write(prefix + path, text, {
      modifiedAt: moment(at),
      ...(metadata ? { metadata } : {}),
      ...(contentType ? { contentType } : {}),
    });
  }
}

/** Everything a backend lists, path by path. */
export async function listed(backend: Backend, prefix = ""): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of backend.list(prefix)) found.push(info);
  return found;
}

/** What a backend holds, as text. */
export async function harvest(backend: Backend, prefix = ""): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const { path } of await listed(backend, prefix)) tree[path.slice(prefix.length)] = await (await backend.read(path)).text();
  return tree;
}

/** The requests that reach a store, by operation; listings count once each. */
export interface Counted {
  readonly backend: Backend;
  readonly counts: Record<string, number>;
}

/** A backend whose requests are counted. */
export function counted(backend: Backend): Counted {
  const counts: Record<string, number> = {};
  const driver = Object.fromEntries(
    Object.entries(Object.getOwnPropertyDescriptors(backend.driver)).map(([name, { value }]) => [
      name,
      typeof value === "function" && name !== "classifyError"
        ? (...args: readonly unknown[]) => {
            counts[name] = (counts[name] ?? 0) + 1;
            return (value as (...given: readonly unknown[]) => unknown)(...args);
          }
        : value,
    ]),
  );
  return { backend: createBackend(driver as unknown as Backend["driver"]), counts };
}

/** A backend some of whose driver's methods are others; the same store to whoever compares identities. */
export function interposed(backend: Backend, methods: Partial<StorageDriver>): Backend {
  return createBackend({ ...backend.driver, ...methods });
}
