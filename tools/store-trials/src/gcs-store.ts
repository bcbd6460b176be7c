import { generateKeyPairSync, randomUUID } from "node:crypto";
import { Storage } from "@google-cloud/storage";
import { type GcsBackend, type GcsOptions, gcs } from "@omni/gcs";
import type { RunningServer } from "@omni/servers";

const BUCKET = "omni-gcs-tests";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** Verifies what {@link CREDENTIALS} signed. */
export const PUBLIC_KEY = publicKey;

/** A service account that signs; nobody gives it a token. */
export const CREDENTIALS = {
  type: "service_account",
  client_email: "tests@omni.example",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
} as const;

/** How the driver is set up for a server of the tests. */
export function optionsFor(server: Pick<RunningServer, "url">, more: Partial<GcsOptions> = {}): GcsOptions {
  return {
    bucket: BUCKET,
    project: "test",
    apiEndpoint: server.url,
    ...(more.client ? {} : { credentials: CREDENTIALS }),
    ...more,
  };
}

/** The SDK, without credentials. */
export function rawClient(server: Pick<RunningServer, "url">): Storage {
  return new Storage({ apiEndpoint: server.url, projectId: "test", useAuthWithCustomEndpoint: false });
}

/** Makes the bucket of the tests where it is missing. */
export async function makeBucket(server: RunningServer, bucket: string = BUCKET): Promise<void> {
  const client = rawClient(server);
  const [exists] = await client.bucket(bucket).exists();
  if (!exists) await client.createBucket(bucket);
}

/** A store of its own: an unused prefix of the bucket. */
export function freshStore(server: RunningServer, more: Partial<GcsOptions> = {}): GcsBackend {
  return gcs(optionsFor(server, { prefix: randomUUID(), ...more }));
}

type Opened = { readonly driver: { readonly identity?: string | undefined } };

/** A second backend over the same bucket and prefix. */
export function reopened(server: RunningServer, backend: Opened, more: Partial<GcsOptions> = {}): GcsBackend {
  return gcs(optionsFor(server, { prefix: prefixOf(backend), ...more }));
}

/** Removes everything under a closed backend's prefix, staged writes too. */
export async function emptied(server: RunningServer, backend: Opened): Promise<void> {
  const store = reopened(server, backend);
  try {
    await store.purge("");
    await store.sweepStale({ olderThanMs: 0 });
  } finally {
    await store.close();
  }
}

/** The prefix of a backend: its identity ends in it. */
export function prefixOf({ driver }: Opened): string {
  return decodeURIComponent(driver.identity?.split("|").at(-1) ?? "");
}
