import { DatabaseSync } from "node:sqlite";
import { type SqliteDedupe, sqliteDedupe } from "@omni/core/queue/sqlite";

/** Table of the dedupe marks in the same file. */
const MARKS = "omni_dedupe";

/** The file in which the killed consumers leave the effects of their handlers, beside the dedupe marks. */
export class Effects {
  readonly database: DatabaseSync;
  readonly dedupe: SqliteDedupe;

  constructor(file: string) {
    this.database = new DatabaseSync(file);
    this.database.exec("PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    this.database.exec("CREATE TABLE IF NOT EXISTS effects (id TEXT NOT NULL, life INTEGER NOT NULL)");
    // A claim of a killed process ends soon.
    this.dedupe = sqliteDedupe(this.database, { leaseMs: 1_000, table: MARKS });
  }

  add(id: string, life: number): void {
    this.database.prepare("INSERT INTO effects (id, life) VALUES (?, ?)").run(id, life);
  }

  /** Effects of one life of a consumer. */
  countOf(life: number): number {
    return this.#number("SELECT count(*) AS n FROM effects WHERE life = ?", life);
  }

  /** Messages whose effect this life had, and whose mark it did not live to make. */
  interruptedIn(life: number): number {
    return this.#number(
      `SELECT count(DISTINCT e.id) AS n FROM effects e LEFT JOIN ${MARKS} m ON m.id = e.id AND m.state = 1 WHERE e.life = ? AND m.id IS NULL`,
      life,
    );
  }

  /** Messages that had an effect. */
  get handled(): number {
    return this.#number("SELECT count(DISTINCT id) AS n FROM effects");
  }

  /** How often each message had its effect. */
  all(): ReadonlyMap<string, number> {
    const rows = this.database.prepare("SELECT id, count(*) AS n FROM effects GROUP BY id").all() as { id: string; n: number }[];
    return new Map(rows.map(({ id, n }) => [id, n]));
  }

  close(): void {
    this.database.close();
  }

  #number(sql: string, ...parameters: readonly number[]): number {
    return (this.database.prepare(sql).get(...parameters) as { n: number }).n;
  }
}
