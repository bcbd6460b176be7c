import { OmniError } from "@omni/core";

/** How hard to compress. */
export interface CompressionOptions {
  /** gzip: 0 to 9. zstd: 1 to 22. Higher is smaller and slower. @default gzip 6, zstd 3 */
  readonly level?: number | undefined;
}

/** The encodings that are understood, with the range of their levels. */
export const ENCODINGS = { gzip: { least: 0, most: 9, level: 6 }, zstd: { least: 1, most: 22, level: 3 } } as const;

/** A content encoding that is understood. */
export type Encoding = keyof typeof ENCODINGS;

/** The level to use. @throws OmniError INVALID_ARGUMENT outside of the encoding's range */
export function levelOf(encoding: Encoding, { level }: CompressionOptions): number {
  const { least, most, level: usual } = ENCODINGS[encoding];
  if (level === undefined) return usual;
  if (Number.isInteger(level) && level >= least && level <= most) return level;
  throw new OmniError("INVALID_ARGUMENT", {
    reason: `the level of ${encoding} is a whole number from ${least} to ${most}, not ${String(level)}`,
    outcome: "not-applied",
  });
}

/** Whether an object's content encoding is one of these. */
export function isEncoding(name: unknown): name is Encoding {
  return typeof name === "string" && Object.hasOwn(ENCODINGS, name);
}
