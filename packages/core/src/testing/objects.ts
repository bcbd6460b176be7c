import type { Backend, ListOptions } from "../backend.ts";

/** The bytes of an object. */
export async function bytesOf(backend: Backend, path: string): Promise<Uint8Array> {
  return (await backend.read(path)).bytes();
}

/** The paths of a listing, in the order that they come. */
export async function pathsOf(backend: Backend, prefix = "", options: ListOptions = {}): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of backend.list(prefix, options)) paths.push(path);
  return paths;
}

/** Writes one small object per path. */
export function writeAll(backend: Backend, paths: Iterable<string>): Promise<void> {
  return inParallel(paths, async (path) => {
    await backend.write(path, path);
  });
}

/** Does work for every item, 16 at a time. */
export async function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let step = rest.next(); !step.done; step = rest.next()) await work(step.value);
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

/** So many numbered paths, in byte order. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(5, "0")}`);
}
