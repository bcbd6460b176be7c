import { inspect } from "node:util";
import { OmniError, open } from "@omni/core";
import { type GcsOptions, gcs, gcsFromEnv } from "@omni/gcs";
import { CREDENTIALS } from "@omni/store-trials/gcs";
import { settle } from "../src/settings.ts";

test.each<readonly [what: string, options: GcsOptions, words: RegExp]>([
  ["a bucket with a scheme", { bucket: "gs://photos" }, /"bucket" is 3 to 222.*name alone/],
  ["a prefix that is absolute", { bucket: "photos", prefix: "/a" }, /"prefix" has an empty segment/],
  ["a chunk that is no multiple", { bucket: "photos", chunkSizeBytes: 300_000 }, /multiple of 262144, not 300000; take 524288/],
  ["a chunk that is too small", { bucket: "photos", chunkSizeBytes: 1000 }, /"chunkSizeBytes" is a whole number, 262144 or more/],
  ["a rewrite that is no multiple", { bucket: "photos", rewriteBytesPerCall: 1_500_000 }, /multiple of 1048576/],
  ["an endpoint that is no URL", { bucket: "photos", apiEndpoint: "http://a b" }, /"apiEndpoint" is no URL/],
  ["an endpoint of another protocol", { bucket: "photos", apiEndpoint: "ftp://host" }, /"ftp:"/],
  ["an endpoint with a password", { bucket: "photos", apiEndpoint: "https://u:hunter2@host" }, /holds credentials/],
  ["credentials twice", { bucket: "photos", credentialsFile: "k.json", credentials: CREDENTIALS }, /give one/],
])("%s is refused with the remedy", (_, options, words) => {
  expect(() => gcs(options)).toThrow(words);
  expect(
    inspect(
      failureOf(() => gcs(options)),
      { depth: 9 },
    ),
  ).not.toContain("hunter2");
});

function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

test("credentials that are no object are refused without being shown", () => {
  const error = failureOf(() => gcs({ bucket: "photos", credentials: "-----BEGIN hunter2" as never }));
  expect(OmniError.is(error, "INVALID_ARGUMENT")).toBe(true);
  expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
  const text = failureOf(() => gcs.fromText({ bucket: "photos", credentials_json: '{"private_key": hunter2' }));
  expect(OmniError.is(text, "INVALID_ARGUMENT")).toBe(true);
  expect(inspect(text, { depth: 9 })).not.toContain("hunter2");
});

test("a backend shows no secrets", () => {
  const store = gcs({ bucket: "photos", credentials: { ...CREDENTIALS, private_key: "hunter2" } });
  expect(inspect(store, { depth: 20, showHidden: true })).not.toContain("hunter2");
  expect(store.driver.identity).not.toContain("hunter2");
});

test("the identity is endpoint, bucket and prefix", () => {
  const identity = (options: GcsOptions): string | undefined => gcs(options).driver.identity;
  const base = { bucket: "photos", prefix: "a" };
  expect(identity(base)).toBe(identity({ ...base, prefix: "a/", project: "p", credentials: CREDENTIALS }));
  expect(identity(base)).toBe(identity({ ...base, apiEndpoint: "https://storage.googleapis.com/" }));
  for (const other of [{ bucket: "photos2", prefix: "a" }, { bucket: "photos" }, { ...base, apiEndpoint: "localhost:4443" }])
    expect(identity(other)).not.toBe(identity(base));
});

test("older names and text are understood", () => {
  const store = gcs.fromText({
    bucket: "photos",
    prefix: "2026",
    project: "p",
    credentials_json: JSON.stringify(CREDENTIALS),
    chunk_size: "524288",
    endpoint_url: "https://storage.example",
  });
  expect(store).toMatchObject({ driver: { identity: "gcs:https%3A%2F%2Fstorage.example|photos|2026%2F" } });
  expect(() => gcs.fromText({ bucket: "photos", chunk_sise: "1" })).toThrow(/did you mean "chunkSizeBytes"|unknown option/);
});

test.each(["gs", "gcs"])("%s:// opens it", async (scheme) => {
  const store = await open(`${scheme}://photos/2026/raw?chunk_size=262144`);
  expect(store.driver.scheme).toBe("gcs");
  expect(store.driver.identity).toBe("gcs:https%3A%2F%2Fstorage.googleapis.com|photos|2026%2Fraw%2F");
  await store.close();
});

test("an environment describes a store, Google's variables included", () => {
  const identity = (env: Record<string, string>): string | undefined => gcsFromEnv(env).driver.identity;
  expect(identity({ OMNI_GCS_BUCKET: "photos", STORAGE_EMULATOR_HOST: "localhost:4443" })).toBe(
    "gcs:http%3A%2F%2Flocalhost%3A4443|photos|",
  );
  expect(
    identity({ OMNI_GCS_BUCKET: "photos", OMNI_GCS_API_ENDPOINT: "https://a.example", STORAGE_EMULATOR_HOST: "localhost:4443" }),
  ).toBe("gcs:https%3A%2F%2Fa.example|photos|");
  // The key file of one source is not mixed with the credentials of another.
  const both = { OMNI_GCS_BUCKET: "photos", OMNI_GCS_CREDENTIALS_JSON: "{}", GOOGLE_APPLICATION_CREDENTIALS: "/key.json" };
  expect(() => gcsFromEnv(both)).not.toThrow();
  expect(() => gcsFromEnv({})).toThrow(/"bucket" is missing/);
});

test("the emulator's variable is not taken from the environment unasked", async () => {
  const before = process.env.STORAGE_EMULATOR_HOST;
  process.env.STORAGE_EMULATOR_HOST = "http://localhost:4443";
  try {
    const store = gcs({ bucket: "photos", credentials: CREDENTIALS });
    const { url } = await store.signUrl("a.txt");
    expect(new URL(url).origin).toBe("https://storage.googleapis.com");
    await store.close();
  } finally {
    if (before === undefined) delete process.env.STORAGE_EMULATOR_HOST;
    else process.env.STORAGE_EMULATOR_HOST = before;
  }
});

test.each([
  [{ bucket: "photos" }, false],
  [{ bucket: "photos", apiEndpoint: "http://localhost:4443" }, true],
  [{ bucket: "photos", apiEndpoint: "http://localhost:4443", anonymous: false }, false],
  [{ bucket: "photos", apiEndpoint: "localhost:4443" }, true],
  [{ bucket: "photos", apiEndpoint: "storage.example" }, false],
  [{ bucket: "photos", anonymous: true }, true],
])("whether %j goes without credentials", (options, anonymous) => {
  expect(settle(options).anonymous).toBe(anonymous);
});
