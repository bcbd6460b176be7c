import { randomUUID } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { systemClock } from "../clock.ts";
import { OmniError } from "../error.ts";
import { checkCount, checkMs } from "./check.ts";
import type { DedupeClaim, DedupeKey, DedupeStore } from "./dedupe.ts";
import { BUSY_POLL_MS, type DedupeStoreOptions } from "./dedupe-memory.ts";

export interface SqliteDedupeOptions extends DedupeStoreOptions {
  /** Table of the marks. @default "omni_dedupe" */
  readonly table?: string | undefined;
}

/** A dedupe store in an SQLite file, shared by the processes of a host. */
export interface SqliteDedupe extends DedupeStore {
  readonly scope: "host";
  /** The connection; the application's own where one was given. */
  readonly database: DatabaseSync;
  /** Marks a message as handled in the transaction of its effect. */
  doneIn(tx: unknown, key: DedupeKey, token: string): void;
  /** Removes what was handled longer ago than the window; gives how many. */
  sweep(): number;
  /** Closes the file; a connection of the application stays open. */
  close(): void;
}

const CLAIMED = 0;
const DONE = 1;
const SWEEP_EVERY = 1_000;

/**
 * Remembers handled messages in an SQLite file (`node:sqlite`). With the effect in the same file, `context.dedupe.in(database)` makes effect and mark one
 * transaction.
 *
 * @param file a path, which is opened in WAL mode and closed by `close`; or a connection of the application's, which stays open and must
 * not be within a transaction while others of its messages are claimed
 * @throws OmniError INVALID_ARGUMENT
 */
export function sqliteDedupe(file: string | DatabaseSync, options: SqliteDedupeOptions = {}): SqliteDedupe {
  const windowMs = checkMs("windowMs", options.windowMs ?? 3_600_000);
  const leaseMs = checkCount("leaseMs", options.leaseMs ?? 30_000);
  const { clock = systemClock } = options;
  const table = checkTable(options.table ?? "omni_dedupe");
  const database = typeof file === "string" ? open(file) : file;
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (grp TEXT NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL, state INTEGER NOT NULL, token TEXT NOT NULL, ` +
      `expires INTEGER NOT NULL, PRIMARY KEY (grp, topic, id)) WITHOUT ROWID, STRICT`,
  );
  const statements = statementsOf(database, table);
  const inOther = new WeakMap<DatabaseSync, StatementSync>();
  let begun = 0;

  const sweep = (): number => Number(statements.sweep.run(clock.now()).changes);
  return {
    scope: "host",
    windowMs,
    leaseMs,
    database,
    begin({ group, topic, id }): DedupeClaim {
      begun += 1;
      if (begun % SWEEP_EVERY === 0) sweep();
      const now = clock.now();
      const token = randomUUID();
      if (statements.claim.run(group, topic, id, token, now + leaseMs, now).changes === 1) return { state: "claimed", token };
      const row = statements.look.get(group, topic, id) as { state: number; expires: number } | undefined;
      if (row?.state === DONE) return { state: "done" };
      return { state: "busy", retryAfterMs: Math.min(Math.max(1, (row?.expires ?? now) - now), BUSY_POLL_MS) };
    },
    renew: ({ group, topic, id }, token) => statements.renew.run(clock.now() + leaseMs, group, topic, id, token).changes === 1,
    done: ({ group, topic, id }, token) => statements.done.run(clock.now() + windowMs, group, topic, id, token).changes === 1,
    release({ group, topic, id }, token) {
      statements.release.run(group, topic, id, token);
    },
    doneIn(tx, { group, topic, id }, token) {
      let statement = tx === database ? statements.done : inOther.get(tx as DatabaseSync);
      if (!statement) {
        if (!(tx instanceof DatabaseSync))
          throw new OmniError("INVALID_ARGUMENT", { reason: "dedupe.in takes a DatabaseSync of node:sqlite" });
        statement = tx.prepare(doneSql(table));
        inOther.set(tx, statement);
      }
      if (statement.run(clock.now() + windowMs, group, topic, id, token).changes === 1) return;
      const reason = `another consumer took message ${id} over: roll the transaction back`;
      throw new OmniError("PRECONDITION_FAILED", { operation: "consume", topic, reason, outcome: "not-applied" });
    },
    sweep,
    close() {
      if (typeof file === "string" && database.isOpen) database.close();
    },
  };
}

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  // Other processes write too: wait for them instead of failing.
  database.exec("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  return database;
}

function statementsOf(
  database: DatabaseSync,
  table: string,
): Record<"claim" | "look" | "renew" | "done" | "release" | "sweep", StatementSync> {
  return {
    // One statement, so that of two processes one gets it. A mark past its window counts as none.
    claim: database.prepare(
      `INSERT INTO ${table} (grp, topic, id, state, token, expires) VALUES (?1, ?2, ?3, ${CLAIMED}, ?4, ?5) ` +
        `ON CONFLICT DO UPDATE SET state = ${CLAIMED}, token = ?4, expires = ?5 WHERE expires <= ?6`,
    ),
    look: database.prepare(`SELECT state, expires FROM ${table} WHERE grp = ? AND topic = ? AND id = ?`),
    renew: database.prepare(
      `UPDATE ${table} SET expires = ? WHERE grp = ? AND topic = ? AND id = ? AND token = ? AND state = ${CLAIMED}`,
    ),
    done: database.prepare(doneSql(table)),
    release: database.prepare(`DELETE FROM ${table} WHERE grp = ? AND topic = ? AND id = ? AND token = ? AND state = ${CLAIMED}`),
    sweep: database.prepare(`DELETE FROM ${table} WHERE expires <= ?`),
  };
}

// Marking twice under one token is one mark: within the transaction, and after the handler returned.
function doneSql(table: string): string {
  return `UPDATE ${table} SET state = ${DONE}, expires = ? WHERE grp = ? AND topic = ? AND id = ? AND token = ?`;
}

function checkTable(table: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(table)) return table;
  throw new OmniError("INVALID_ARGUMENT", { reason: `table is ${JSON.stringify(table)}, it has to be letters, digits and _` });
}
