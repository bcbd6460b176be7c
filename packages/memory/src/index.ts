import { type Backend, type BackendDefinition, defineBackend } from "@omni/core";
import { type MemoryDriver, memoryDriver } from "./driver.ts";
import { type MemoryOptions, OPTIONS, withDefaults } from "./options.ts";

export type { MemoryDriver, MemoryOptions };

/**
 * Makes an object store in the memory of this process, empty and a store of its own. It is gone when it is closed.
 *
 * @throws OmniError INVALID_ARGUMENT for an option that is unknown or of the wrong type
 */
export const memory: BackendDefinition<MemoryOptions, Backend<MemoryDriver>> = defineBackend<
  MemoryOptions,
  Backend<MemoryDriver>,
  MemoryDriver
>("memory", {
  options: OPTIONS,
  driver: (options) => memoryDriver(withDefaults(options)),
});
