export type * from "./backend.ts";
export { type BodySource, collect, toBytes } from "./body.ts";
export { BodyCutter } from "./body-cutter.ts";
export { Breaker, type BreakerOptions, type BreakerState, type BreakerWord } from "./breaker.ts";
export { nearest } from "./call-options.ts";
export { type Clock, delay, systemClock } from "./clock.ts";
export { guessContentType } from "./content-type.ts";
export { type CopyBetweenOptions, copyBetween, isSameStore, moveBetween } from "./copy-between.ts";
export { accelerateCrc32c, type Crc32cSum, offerNativeCrc32c, type PackageLoader } from "./crc32c.ts";
export { createBackend } from "./create-backend.ts";
export {
  type AnyBackendDefinition,
  type BackendDefinition,
  type BackendRecipe,
  defineBackend,
  type TextConfig,
  type TextFactory,
} from "./define-backend.ts";
export { type StorageOperation, storageChannel } from "./diagnostics.ts";
export type * from "./driver.ts";
export {
  ERROR_CODES,
  type ErrorClass,
  type ErrorCode,
  type ErrorContext,
  type ErrorDetails,
  type MemberOutcome,
  MultiError,
  type MultiErrorCode,
  OmniError,
  redact,
  wrapError,
} from "./error.ts";
export { extend, layer, wrap } from "./extend.ts";
export { ABILITIES, type Ability, type ConditionalFeatures, type DriverFeatures, type Features } from "./features.ts";
export { groupByDelimiter } from "./group-by-delimiter.ts";
export { commonHash, createHasher, digestOf, HASH_ALGORITHMS, type HashAlgorithm, type Hasher } from "./hash.ts";
export { stageHeld, tokenGone } from "./held.ts";
export { DEFAULT_WINDOW_BYTES, type Lane, type LaneOptions, spread } from "./lanes.ts";
export { type BackoffOptions, backoffMs } from "./layers/backoff.ts";
export { withConcurrency } from "./layers/concurrency.ts";
export { withPrefix } from "./layers/prefix.ts";
export { withReadOnly } from "./layers/read-only.ts";
export { type RetryOptions, withRetry } from "./layers/retry.ts";
export { type TimeoutOptions, withTimeout } from "./layers/timeout.ts";
export { type Logger, silentLogger } from "./logger.ts";
export { NetworkBody } from "./network-body.ts";
export type { ObjectInfo, WriteStamp } from "./object-info.ts";
export type { OptionSpec, OptionTable } from "./option-table.ts";
export { type Coding, decodeOwnFields, encodeOwnFields, type MetadataForm, type OwnFields } from "./own-fields.ts";
export { countPassingBytes } from "./passing-bytes.ts";
export { checkPath, checkPrefix, comparePaths, RESERVED_PREFIX } from "./path.ts";
export type { ObjectReader } from "./reader.ts";
export {
  backends,
  importPackage,
  isRegistered,
  type OpenConfig,
  type OpenOptions,
  open,
  register,
  unregister,
} from "./registry.ts";
export type { BackendSettings } from "./runner.ts";
