import { type Backend, type BackendDefinition, defineBackend, extend } from "@omni/core";
import { type SftpDriver, sftpDriver } from "./driver.ts";
import { configOfUrl, type HostKey, OPTIONS, type SftpOptions, withDefaults } from "./options.ts";
import type { SweepOptions, SweepReport } from "./sweeping.ts";

export type { HostKey, SftpDriver, SftpOptions, SweepOptions, SweepReport };

/** A {@link Backend} over SFTP. */
export interface SftpBackend extends Backend<SftpDriver> {
  /**
   * Removes what crashed or stopped processes left behind: temporary files, staged writes past their time, notes of used tokens.
   *
   * @param options which age, and which tokens to keep
   */
  sweepStale(options?: SweepOptions): Promise<SweepReport>;
}

/**
 * Makes an object store of a directory on an SFTP server. It connects at the first call.
 *
 * @throws OmniError INVALID_ARGUMENT for an option that is missing, unknown or of the wrong type
 */
export const sftp: BackendDefinition<SftpOptions, SftpBackend> = defineBackend<SftpOptions, SftpBackend, SftpDriver>("sftp", {
  options: OPTIONS,
  fromUrl: configOfUrl,
  driver: (options) => sftpDriver(withDefaults(options), options.clock),
  extend: (backend) => extend(backend, { sweepStale: (options?: SweepOptions) => backend.driver.sweepStale(options) }),
});
