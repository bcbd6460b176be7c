export { gunzip, gzip, unzstd, zstd } from "./compression.ts";
export { type LengthPrefixedOptions, lengthPrefixed } from "./length-prefixed.ts";
export { type NdjsonOptions, ndjson } from "./ndjson.ts";
export type { CompressionOptions, Encoding } from "./options.ts";
export type { RecordFormat } from "./records.ts";
export { type ByteTransform, pipe, type Transform } from "./transform.ts";
export { withCompression } from "./with-compression.ts";
export { type RecordMethods, type RecordWriter, withRecords } from "./with-records.ts";
