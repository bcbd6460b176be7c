import { randomUUID } from "node:crypto";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { type S3Backend, type S3Options, s3 } from "@omni/s3";
import type { RunningServer } from "@omni/servers";
import type { Refusals } from "./faults.ts";

const BUCKET = "omni-s3-tests";

/** What S3 says when it refuses. */
export const S3_REFUSALS: Refusals = {
  overloaded: "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>",
  internal: "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>",
};

/** How the driver is set up for a server of the tests. */
export function optionsFor(server: RunningServer, more: Partial<S3Options> = {}): S3Options {
  const { url, credentials, region } = server;
  return {
    bucket: BUCKET,
    endpoint: url,
    region,
    ...credentials,
    ...(server.name === "ceph" ? { provider: "ceph", conditionalWrites: true } : { provider: "minio" }),
    ...more,
  };
}

/** Makes the bucket of the tests where it is missing. */
export async function makeBucket(server: RunningServer, bucket: string = BUCKET): Promise<void> {
  const store = s3(optionsFor(server, { bucket }));
  try {
    await (await store.driver.client()).send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (!(error instanceof Error) || !/^BucketAlready/.test(error.name)) throw error;
  } finally {
    await store.close();
  }
}

/** A store of its own: an unused prefix of the bucket. */
export function freshStore(server: RunningServer, more: Partial<S3Options> = {}): S3Backend {
  return s3(optionsFor(server, { prefix: randomUUID(), ...more }));
}

/** A second backend over the same bucket and prefix. */
export function reopened(
  server: RunningServer,
  backend: { readonly driver: { readonly identity?: string | undefined } },
  more: Partial<S3Options> = {},
): S3Backend {
  return s3(optionsFor(server, { prefix: prefixOf(backend), ...more }));
}

/** Removes everything under a closed backend's prefix, uploads too. */
export async function emptied(
  server: RunningServer,
  backend: { readonly driver: { readonly identity?: string | undefined } },
): Promise<void> {
  const store = reopened(server, backend);
  try {
    await store.purge("");
    await store.sweepStale({ olderThanMs: 0 });
  } finally {
    await store.close();
  }
}

/** The prefix of a backend: its identity ends in it. */
export function prefixOf({ driver }: { readonly driver: { readonly identity?: string | undefined } }): string {
  return decodeURIComponent(driver.identity?.split("|").at(-1) ?? "");
}
