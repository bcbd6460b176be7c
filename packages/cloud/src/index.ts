export type { Catalogue, Location } from "./catalogue.ts";
export type { Cloud, ObjectStore } from "./cloud.ts";
export { type Clouds, type CloudsApi, defineClouds, type ExplainedUpload, type ScopedClouds } from "./clouds.ts";
export { normaliseFilename } from "./filename.ts";
export type { LoadedObject, LoadOptions } from "./loading.ts";
export type { ObjectRef } from "./locating.ts";
export {
  type MigratingBackend,
  type MigratingOptions,
  type Migration,
  migrating,
  type PassOptions,
  type PassReport,
  PHASES,
  type Phase,
} from "./migrating/index.ts";
export type { MigrationOptions, MigrationReport } from "./migration.ts";
export type {
  BackendSource,
  CloudConfig,
  CloudDefinition,
  CloudSource,
  CloudsConfig,
  CloudsOptions,
  GroupMember,
  GroupMembers,
  ScopeOptions,
} from "./options.ts";
export type { ReconcileOptions, ReconcileReport, UnlistedObject } from "./reconcile.ts";
export type { Candidate, CheckedStep, Explanation } from "./routing.ts";
export { type ChooseClouds, type CloudView, cheapest, fastest, type Rule, type RuleConditions, type UploadFacts } from "./rules.ts";
export type { ConfirmOptions, SignedUpload, SignUploadOptions, UrlOptions } from "./signing.ts";
export type { FormPart, LoadedSource, UploadSource } from "./source.ts";
export { type AnyRow, COLUMNS, fromRow, type StoredObject, type StoredRow, toRow } from "./stored-object.ts";
export type { TransferOptions } from "./transferring.ts";
export type { FactOptions, InsertOptions } from "./upload.ts";
