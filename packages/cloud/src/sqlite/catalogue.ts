import { DatabaseSync } from "node:sqlite";
import { OmniError } from "@omni/core";
import type { Catalogue } from "../catalogue.ts";
import { COLUMNS, fromRow, type StoredObject, type StoredRow, toRow } from "../stored-object.ts";
import { migrate } from "./migrations.ts";

/** What `sqliteCatalogue` takes beside the file. */
export interface SqliteCatalogueOptions {
  /** Table of the rows; the versions of its shape are in `<table>_migrations`. @default "files" */
  readonly table?: string | undefined;
}

/** A catalogue in an SQLite file, shared by the processes of a host. */
export interface SqliteCatalogue extends Catalogue, Disposable {
  /** The connection; the application's own where one was given. */
  readonly database: DatabaseSync;
  /** Closes a connection that was opened here; a second call does nothing. */
  close(): void;
}

/** Rows of a listing that are read at once; no statement stays open between them. */
const PAGE_ROWS = 1_000;

/**
 * Keeps rows of objects in an SQLite file (`node:sqlite`). The table is made, or brought to its present shape, when it is opened.
 *
 * @param file a path, which is opened in WAL mode and closed by `close`; or a connection of the application's, which stays open
 * @throws OmniError INVALID_ARGUMENT, NOT_SUPPORTED for a table that a newer version made
 */
export function sqliteCatalogue(file: string | DatabaseSync, options: SqliteCatalogueOptions = {}): SqliteCatalogue {
  const table = checkTable(options.table ?? "files");
  const database = typeof file === "string" ? open(file) : file;
  try {
    migrate(database, table);
  } catch (error) {
    if (typeof file === "string") database.close();
    throw error;
  }
  const run = statementsOf(database, table);
  const close = (): void => {
    if (typeof file === "string" && database.isOpen) database.close();
  };
  return {
    database,
    insert: async (object) => insert(run.insert, object),
    get: async (id) => objectOf(run.get.get(id)),
    at: async ({ cloud, path }) => objectOf(run.at.get(cloud, path)),
    update: async (object, expected) => run.update.run(...valuesOf(object), object.id, expected.cloud, expected.path).changes === 1,
    delete: async (id, { cloud, path }) => run.delete.run(id, cloud, path).changes === 1,
    async *list(cloud, { prefix = "", signal } = {}) {
      // Text compares by the bytes of UTF-8, of which none is above 0xf4.
      const end = Buffer.concat([Buffer.from(prefix), Buffer.from([0xff])]);
      for (let after = ""; ; ) {
        signal?.throwIfAborted();
        const rows = run.list.all(cloud, prefix, prefix === "" ? null : end, after, PAGE_ROWS);
        for (const row of rows) yield objectOf(row) as StoredObject;
        if (rows.length < PAGE_ROWS) return;
        after = String(rows.at(-1)?.path);
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}

type Statements = ReturnType<typeof statementsOf>;

function statementsOf(database: DatabaseSync, table: string) {
  const columns = COLUMNS.map((column) => `"${column}"`).join(", ");
  const marks = COLUMNS.map(() => "?").join(", ");
  const set = COLUMNS.map((column) => `"${column}" = ?`).join(", ");
  return {
    insert: database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${marks})`),
    get: database.prepare(`SELECT ${columns} FROM ${table} WHERE id = ?`),
    at: database.prepare(`SELECT ${columns} FROM ${table} WHERE cloud = ? AND path = ?`),
    update: database.prepare(`UPDATE ${table} SET ${set} WHERE id = ? AND cloud = ? AND path = ?`),
    delete: database.prepare(`DELETE FROM ${table} WHERE id = ? AND cloud = ? AND path = ?`),
    list: database.prepare(
      `SELECT ${columns} FROM ${table} WHERE cloud = ?1 AND path >= ?2 AND (?3 IS NULL OR path < CAST(?3 AS TEXT)) AND path > ?4 ORDER BY path LIMIT ?5`,
    ),
  };
}

function insert(statement: Statements["insert"], object: StoredObject): void {
  try {
    statement.run(...valuesOf(object));
  } catch (cause) {
    // https://www.sqlite.org/rescode.html: SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE
    const { errcode } = cause as { errcode?: number };
    if (errcode !== 1555 && errcode !== 2067) throw cause;
    throw new OmniError("ALREADY_EXISTS", {
      backend: "catalogue",
      operation: "insert",
      path: object.path,
      reason: `there is a row with the id ${object.id}, or of this path in "${object.cloud}"`,
      outcome: "not-applied",
      cause,
    });
  }
}

function valuesOf(object: StoredObject): (string | number | null)[] {
  const row: StoredRow = toRow(object);
  return COLUMNS.map((column) => row[column]);
}

function objectOf(row: Record<string, unknown> | undefined): StoredObject | undefined {
  return row === undefined ? undefined : fromRow(row as never);
}

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  // Several processes write: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_busy_timeout
  database.exec("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return database;
}

function checkTable(table: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(table)) return table;
  throw new OmniError("INVALID_ARGUMENT", {
    backend: "catalogue",
    reason: `table is letters, digits and "_", not ${JSON.stringify(table)}`,
  });
}
