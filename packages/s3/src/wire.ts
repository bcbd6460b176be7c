import type * as S3 from "@aws-sdk/client-s3";

/** The operations of S3 that the driver uses, in the SDK's words. The bucket is added by the wire. */
export interface Operations {
  AbortMultipartUpload: { input: S3.AbortMultipartUploadCommandInput; output: S3.AbortMultipartUploadCommandOutput };
  CompleteMultipartUpload: { input: S3.CompleteMultipartUploadCommandInput; output: S3.CompleteMultipartUploadCommandOutput };
  CopyObject: { input: S3.CopyObjectCommandInput; output: S3.CopyObjectCommandOutput };
  CreateMultipartUpload: { input: S3.CreateMultipartUploadCommandInput; output: S3.CreateMultipartUploadCommandOutput };
  DeleteObject: { input: S3.DeleteObjectCommandInput; output: S3.DeleteObjectCommandOutput };
  DeleteObjects: { input: S3.DeleteObjectsCommandInput; output: S3.DeleteObjectsCommandOutput };
  GetObject: { input: S3.GetObjectCommandInput; output: S3.GetObjectCommandOutput };
  GetObjectTagging: { input: S3.GetObjectTaggingCommandInput; output: S3.GetObjectTaggingCommandOutput };
  HeadObject: { input: S3.HeadObjectCommandInput; output: S3.HeadObjectCommandOutput };
  ListMultipartUploads: { input: S3.ListMultipartUploadsCommandInput; output: S3.ListMultipartUploadsCommandOutput };
  ListObjectsV2: { input: S3.ListObjectsV2CommandInput; output: S3.ListObjectsV2CommandOutput };
  ListParts: { input: S3.ListPartsCommandInput; output: S3.ListPartsCommandOutput };
  PutObject: { input: S3.PutObjectCommandInput; output: S3.PutObjectCommandOutput };
  UploadPart: { input: S3.UploadPartCommandInput; output: S3.UploadPartCommandOutput };
  UploadPartCopy: { input: S3.UploadPartCopyCommandInput; output: S3.UploadPartCopyCommandOutput };
}

export type OperationName = keyof Operations;

/** What an operation takes, without the bucket. */
export type Input<N extends OperationName> = Omit<Operations[N]["input"], "Bucket">;

/** What an operation gives. */
export type Output<N extends OperationName> = Operations[N]["output"];

/**
 * One request to the store, with its retries. This is the seam between the driver and whatever speaks HTTP: a leaner path for some operations is
 * a `Send` that hands the others on.
 *
 * `last`: once it has aborted no further attempt is made, while one on the way is waited for.
 *
 * It owes the driver: rejects soon after `signal` aborts and sends nothing afterwards; an error is annotated with the facts of its request.
 */
export type Send = <N extends OperationName>(
  name: N,
  input: Input<N>,
  signal?: AbortSignal,
  last?: AbortSignal,
) => Promise<Output<N>>;

/** Operations that change nothing: their errors have no outcome. */
export const READ_ONLY: ReadonlySet<OperationName> = new Set([
  "GetObject",
  "GetObjectTagging",
  "HeadObject",
  "ListMultipartUploads",
  "ListObjectsV2",
  "ListParts",
]);
