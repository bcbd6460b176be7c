import { type Backend, type BackendDefinition, defineBackend, extend } from "@omni/core";
import { type GcsDriver, type GcsExtras, gcsDriver } from "./driver.ts";
import { configOfEnv, configOfUrl, type GcsOptions, OPTIONS } from "./options.ts";
import { settle } from "./settings.ts";

export type { GcsAbility, GcsDriver, GcsExtras } from "./driver.ts";
export type { GcsCredentials, GcsOptions } from "./options.ts";
export type { SweepOptions, SweepReport } from "./sweeping.ts";

/** A bucket of Google Cloud Storage. */
export interface GcsBackend extends Backend<GcsDriver>, Pick<GcsExtras, "sweepStale"> {}

/**
 * Opens a bucket. Nothing is loaded or sent before the first call.
 *
 * @example
 * const store = gcs({ bucket: "backups" });
 * await store.write("2026/notes.txt", "hello");
 *
 * @throws OmniError INVALID_ARGUMENT that names the option, its value and the remedy
 */
export const gcs: BackendDefinition<GcsOptions, GcsBackend> = defineBackend<GcsOptions, GcsBackend, GcsDriver>("gcs", {
  options: OPTIONS,
  fromUrl: configOfUrl,
  driver: (options) => gcsDriver(settle(options)),
  extend: (backend) => extend(backend, { sweepStale: backend.driver.sweepStale }) as GcsBackend,
});

/**
 * Opens the bucket that an environment describes: `OMNI_GCS_BUCKET`, `OMNI_GCS_PREFIX` and so on for every option; what is absent comes from
 * `GOOGLE_APPLICATION_CREDENTIALS`, `GOOGLE_CLOUD_PROJECT` (`GCLOUD_PROJECT`) and `STORAGE_EMULATOR_HOST`.
 *
 * @param env @default process.env
 * @throws OmniError INVALID_ARGUMENT as {@link gcs}
 */
export function gcsFromEnv(env: Readonly<Record<string, string | undefined>> = process.env): GcsBackend {
  return gcs.fromText(configOfEnv(env)) as GcsBackend;
}
