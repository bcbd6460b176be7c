import { file } from "@omni/file";
import { gcs } from "@omni/gcs";
import { memory } from "@omni/memory";
import { s3 } from "@omni/s3";
import { configJsonSchema } from "../../src/config/json-schema.ts";

/** Where the package has its schema. */
export const SCHEMA_FILE: URL = new URL("../../omni.config.schema.json", import.meta.url);

/** The schema as it has to be published. */
export function publishedSchema(): string {
  const also = { scheme: "gs", options: gcs.options };
  return `${JSON.stringify(configJsonSchema([memory, file, s3, gcs, also]), undefined, 2)}\n`;
}
