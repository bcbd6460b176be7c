import { type Backend, type BackendDefinition, defineBackend, extend } from "@omni/core";
import { type FileDriver, fileDriver } from "./driver.ts";
import { configOfUrl, type FileOptions, OPTIONS, withDefaults } from "./options.ts";
import type { SweepOptions, SweepReport } from "./sweeping.ts";

export type { FileDriver, FileOptions, SweepOptions, SweepReport };

/** A {@link Backend} over a directory. */
export interface FileBackend extends Backend<FileDriver> {
  /**
   * Removes what crashed or stopped processes left behind: temporary files, staged writes past their time, metadata without its object.
   *
   * @param options which age, and which tokens to keep
   */
  sweepStale(options?: SweepOptions): Promise<SweepReport>;
}

/**
 * Makes an object store of a directory. It is made at the first write.
 *
 * @throws OmniError INVALID_ARGUMENT for an option that is missing, unknown or of the wrong type
 */
export const file: BackendDefinition<FileOptions, FileBackend> = defineBackend<FileOptions, FileBackend, FileDriver>("file", {
  options: OPTIONS,
  fromUrl: configOfUrl,
  driver: (options) => fileDriver(withDefaults(options)),
  extend: (backend) => extend(backend, { sweepStale: (options?: SweepOptions) => backend.driver.sweepStale(options) }),
});
