import type { Backend } from "@omni/core";
import { type StorageKitOptions, storageKit } from "@omni/core/testing";

/** A case of the kit, ready to run. */
export interface CollectedCase {
  /** `group: case` */
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Takes the cases that the kit would register, with a framework that only collects. */
export function collectKit(makeBackend: () => Backend | Promise<Backend>, options: StorageKitOptions = {}): CollectedCase[] {
  const cases: CollectedCase[] = [];
  const where: string[] = [];
  const describe = (name: string, define: () => void): void => {
    where.push(name);
    define();
    where.pop();
  };
  storageKit("kit", makeBackend, { describe, test: (name, run) => cases.push({ name: `${where.at(-1)}: ${name}`, run }) }, options);
  return cases;
}

/** The cases that fail, by name, with what they say. */
export async function failuresOf(cases: readonly CollectedCase[]): Promise<Map<string, string>> {
  const failures = new Map<string, string>();
  for (const { name, run } of cases)
    await run().catch((error: unknown) => {
      failures.set(name, String(error));
    });
  return failures;
}

/** Sizes that make the kit quick: the cases are all there. */
export const QUICK: StorageKitOptions = { largeBytes: 6 * 1024 * 1024, ceilingBytes: 3 * 1024 * 1024, timeoutMs: 5_000 };
