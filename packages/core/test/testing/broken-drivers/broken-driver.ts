import { collect } from "@omni/core";
import type { MemoryDriver } from "@omni/memory";

/** A driver that breaks one promise, and cases of the kit that must notice. */
export interface BrokenDriver {
  readonly promise: string;
  /** `group: case`, each of which fails. */
  readonly caughtBy: readonly string[];
  readonly breakIt: (driver: MemoryDriver) => Partial<MemoryDriver>;
}

/** The bytes of an object, past the portable handle. */
export async function bytesOf(driver: MemoryDriver, path: string): Promise<Uint8Array> {
  return collect((await driver.read(path, {})).body);
}
