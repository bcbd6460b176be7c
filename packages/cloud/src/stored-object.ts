import { invalid } from "./errors.ts";

/** A file and where it lives: plain JSON, to be kept, sent and compared. */
export interface StoredObject<N extends string = string> {
  /** Names the file for ever, wherever it moves. A UUID unless the caller gave one. */
  readonly id: string;
  /** As it was called by who brought it, without folders. */
  readonly filename: string;
  /** Path in the cloud. */
  readonly path: string;
  /** Name of the cloud. */
  readonly cloud: N;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  /** Where the cloud says that it is, else the region that the insert was given; `null` where neither said. */
  readonly region: string | null;
  /** Of the whole content, as `sha256:<lower-case hexadecimal>`; `null` where nobody computed one. */
  readonly digest: string | null;
  /** Text that travels with the object. */
  readonly metadata: Readonly<Record<string, string>>;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC. */
  readonly updatedAt: string;
  /** Where the file must stay, from the rule that placed it; absent where it may go anywhere. */
  readonly residency?: readonly string[] | undefined;
}

/** A row of a database: one column for each field, the names of the fields. */
export interface StoredRow {
  readonly id: string;
  readonly filename: string;
  readonly cloud: string;
  readonly path: string;
  readonly contentType: string;
  readonly size: number;
  readonly region: string | null;
  readonly digest: string | null;
  /** JSON text. */
  readonly metadata: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC. */
  readonly updatedAt: string;
  /** Comma-separated. */
  readonly residency: string | null;
}

/** What drivers of databases make of a row: dates, parsed JSON, numbers as text. */
export type AnyRow = { readonly [K in keyof Omit<StoredRow, "residency">]: unknown } & { readonly residency?: unknown };

/** The columns of a row, in order. */
export const COLUMNS: readonly (keyof StoredRow)[] = [
  "id",
  "filename",
  "cloud",
  "path",
  "contentType",
  "size",
  "region",
  "digest",
  "metadata",
  "createdAt",
  "updatedAt",
  "residency",
];

/** The row of an object. */
export function toRow(object: StoredObject): StoredRow {
  const { id, filename, cloud, path, contentType, size, region, digest, metadata, createdAt, updatedAt, residency } = object;
  return {
    id,
    filename,
    cloud,
    path,
    contentType,
    size,
    region,
    digest,
    metadata: JSON.stringify(metadata),
    createdAt,
    updatedAt,
    residency: residency === undefined ? null : residency.join(","),
  };
}

/**
 * The object of a row. Takes what drivers of databases give: dates as Date, text or milliseconds, `metadata` as text or JSON, `size` as number, text or
 * bigint.
 *
 * @throws OmniError INVALID_ARGUMENT that names the column
 */
export function fromRow<N extends string = string>(row: AnyRow): StoredObject<N> {
  const residency = row.residency ?? null;
  return {
    id: text(row, "id"),
    filename: text(row, "filename"),
    path: text(row, "path"),
    cloud: text(row, "cloud") as N,
    contentType: text(row, "contentType"),
    size: sizeOf(row.size),
    region: textOrNull(row, "region"),
    digest: textOrNull(row, "digest"),
    metadata: metadataOf(row.metadata),
    createdAt: dateOf(row, "createdAt"),
    updatedAt: dateOf(row, "updatedAt"),
    ...(residency === null || residency === "" ? {} : { residency: text(row, "residency").split(",") }),
  };
}

function text(row: AnyRow, column: keyof StoredRow): string {
  const value = row[column];
  if (typeof value === "string" && value !== "") return value;
  throw wrong(column, "is text that is not empty", value);
}

function textOrNull(row: AnyRow, column: "region" | "digest"): string | null {
  return row[column] === null || row[column] === undefined ? null : text(row, column);
}

function sizeOf(value: unknown): number {
  const size = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : typeof value === "bigint" ? Number(value) : value;
  if (Number.isSafeInteger(size) && (size as number) >= 0) return size as number;
  throw wrong("size", "is a whole number of bytes", value);
}

function metadataOf(value: unknown): Readonly<Record<string, string>> {
  if (value === null || value === undefined) return {};
  let parsed: unknown = value;
  if (typeof value === "string")
    try {
      parsed = JSON.parse(value);
    } catch {
      throw wrong("metadata", "is a JSON object of strings", value);
    }
  if (typeof parsed === "object" && parsed !== null && Object.values(parsed).every((item) => typeof item === "string"))
    return { ...(parsed as Record<string, string>) };
  throw wrong("metadata", "is a JSON object of strings", value);
}

function dateOf(row: AnyRow, column: "createdAt" | "updatedAt"): string {
  const value = row[column];
  const date = value instanceof Date ? value : typeof value === "string" || typeof value === "number" ? new Date(value) : undefined;
  if (date && !Number.isNaN(date.getTime())) return date.toISOString();
  throw wrong(column, "is a date, ISO 8601 text or milliseconds since the epoch", value);
}

function wrong(column: string, words: string, value: unknown): Error {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value);
  return invalid("fromRow", `the column "${column}" ${words}, not ${shown}; select the columns ${COLUMNS.join(", ")}`);
}
