import type { Backend } from "@omni/core";
import { file } from "@omni/file";
import { type GcsOptions, gcs } from "@omni/gcs";
import { type S3Options, s3 } from "@omni/s3";

/** How a worker finds a store. */
export type StoreSpec =
  | { readonly kind: "file"; readonly root: string }
  | { readonly kind: "s3"; readonly options: S3Options }
  | { readonly kind: "gcs"; readonly options: GcsOptions };

export function openStore(spec: StoreSpec): Backend {
  if (spec.kind === "file") return file({ root: spec.root, fsync: false });
  return spec.kind === "s3" ? s3(spec.options) : gcs(spec.options);
}
