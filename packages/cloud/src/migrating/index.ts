/**
 * Moving an application from one store to another while it runs.
 *
 * @module
 */
export { type MigratingBackend, type MigratingOptions, migrating } from "./migrating.ts";
export type { Migration, PassOptions, PassReport } from "./migration.ts";
export { PHASES, type Phase } from "./phases.ts";
