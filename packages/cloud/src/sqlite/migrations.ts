import type { DatabaseSync } from "node:sqlite";
import { OmniError } from "@omni/core";

/** The shape of the table, step by step: a step is never changed, a new one is added. */
const STEPS: readonly ((table: string) => string)[] = [
  (table) =>
    `CREATE TABLE ${table} (
       id TEXT PRIMARY KEY NOT NULL,
       filename TEXT NOT NULL,
       cloud TEXT NOT NULL,
       path TEXT NOT NULL,
       contentType TEXT NOT NULL,
       size INTEGER NOT NULL,
       region TEXT,
       digest TEXT,
       metadata TEXT NOT NULL DEFAULT '{}',
       createdAt TEXT NOT NULL,
       updatedAt TEXT NOT NULL
     ) WITHOUT ROWID, STRICT;
     CREATE UNIQUE INDEX ${table}_location ON ${table} (cloud, path)`,
  (table) => `ALTER TABLE ${table} ADD COLUMN residency TEXT`,
];

/**
 * Brings the table to its present shape, in one transaction: processes that start together wait for each other.
 *
 * @param to stop after so many steps; for tests
 * @throws OmniError NOT_SUPPORTED for a table that a newer version made
 */
export function migrate(database: DatabaseSync, table: string, to: number = STEPS.length): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(`CREATE TABLE IF NOT EXISTS ${table}_migrations (step INTEGER PRIMARY KEY NOT NULL, at TEXT NOT NULL) STRICT`);
    const done = Number(database.prepare(`SELECT COALESCE(MAX(step), 0) AS step FROM ${table}_migrations`).get()?.step);
    if (done > STEPS.length)
      throw new OmniError("NOT_SUPPORTED", {
        backend: "catalogue",
        operation: "open",
        reason: `the table "${table}" has the shape ${done}, this version knows ${STEPS.length}; update @omni/cloud`,
      });
    for (let step = done; step < to; step += 1) {
      database.exec((STEPS[step] as (typeof STEPS)[number])(table));
      database.prepare(`INSERT INTO ${table}_migrations (step, at) VALUES (?, ?)`).run(step + 1, new Date().toISOString());
    }
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
