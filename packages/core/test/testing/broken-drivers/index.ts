import { wrap } from "@omni/core";
import { type MemoryDriver, memory } from "@omni/memory";
import type { BrokenDriver } from "./broken-driver.ts";
import { changes } from "./changes.ts";
import { listings } from "./listings.ts";
import { reads } from "./reads.ts";
import { staging } from "./staging.ts";
import { writes } from "./writes.ts";

/** Every one of them. */
export const BROKEN_DRIVERS: readonly BrokenDriver[] = [...writes, ...reads, ...listings, ...changes, ...staging];

/** A driver with one promise broken. */
export function brokenDriver(broken: BrokenDriver): MemoryDriver {
  const { driver } = memory();
  return wrap(driver, broken.breakIt(driver));
}
