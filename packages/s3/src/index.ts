import { type Backend, type BackendDefinition, defineBackend, extend } from "@omni/core";
import { type S3Driver, type S3Extras, s3Driver } from "./driver.ts";
import { configOfEnv, configOfUrl, OPTIONS, type S3Options } from "./options.ts";
import { settle } from "./settings.ts";

export type { S3Ability, S3Driver, S3Extras } from "./driver.ts";
export type { S3Options } from "./options.ts";
export { PROVIDERS, type Provider, type ProviderProfile } from "./providers.ts";
export type { SweepOptions, SweepReport } from "./sweeping.ts";

/** A bucket of Amazon S3 or of a compatible store. */
export interface S3Backend extends Backend<S3Driver>, Pick<S3Extras, "sweepStale"> {}

/**
 * Opens a bucket. Nothing is loaded or sent before the first call.
 *
 * @example
 * const store = s3({ bucket: "backups", region: "eu-central-1" });
 * await store.write("2026/notes.txt", "hello");
 *
 * @throws OmniError INVALID_ARGUMENT that names the option, its value and the remedy
 */
export const s3: BackendDefinition<S3Options, S3Backend> = defineBackend<S3Options, S3Backend, S3Driver>("s3", {
  options: OPTIONS,
  fromUrl: configOfUrl,
  driver: (options) => s3Driver(settle(options)),
  extend: (backend) => extend(backend, { sweepStale: backend.driver.sweepStale }) as S3Backend,
});

/**
 * Opens the bucket that an environment describes: `OMNI_S3_BUCKET`, `OMNI_S3_REGION`, `OMNI_S3_ENDPOINT` and so on for every option; what is absent
 * comes from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` (`AWS_DEFAULT_REGION`) and `AWS_ENDPOINT_URL_S3`
 * (`AWS_ENDPOINT_URL`).
 *
 * @param env @default process.env
 * @throws OmniError INVALID_ARGUMENT as {@link s3}
 */
export function s3FromEnv(env: Readonly<Record<string, string | undefined>> = process.env): S3Backend {
  return s3.fromText(configOfEnv(env)) as S3Backend;
}
