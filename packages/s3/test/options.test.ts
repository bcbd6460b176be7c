import { inspect } from "node:util";
import { isSameStore, type OmniError, open } from "@omni/core";
import { PROVIDERS, s3, s3FromEnv } from "@omni/s3";
import { configOfEnv, configOfUrl, OPTIONS, type S3Options } from "../src/options.ts";
import { settle } from "../src/settings.ts";

const KEYS = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "very-secret" };

test("the defaults", () => {
  expect(settle({ bucket: "b" })).toMatchObject({
    provider: "aws",
    region: "us-east-1",
    endpoint: undefined,
    prefix: "",
    usePathStyle: false,
    partSizeBytes: 8 * 1024 * 1024,
    concurrency: 4,
    copyThresholdBytes: 5 * 1024 ** 3,
    maxAttempts: 3,
  });
});

test.each<[string, Partial<S3Options>, object]>([
  [
    "an endpoint alone is some other store",
    { endpoint: "https://h:1" },
    { provider: "other", usePathStyle: true, endpoint: "https://h:1" },
  ],
  ["an endpoint without scheme", { endpoint: "h:1" }, { endpoint: "https://h:1" }],
  ["an endpoint without scheme and TLS", { endpoint: "h:1", disableSsl: true }, { endpoint: "http://h:1" }],
  [
    "R2 by its other name",
    { provider: "cloudflare", accountId: "acc" },
    { provider: "r2", endpoint: "https://acc.r2.cloudflarestorage.com", region: "auto" },
  ],
  [
    "Spaces signs for one region",
    { provider: "spaces", region: "ams3" },
    { endpoint: "https://ams3.digitaloceanspaces.com", region: "us-east-1" },
  ],
  ["B2", { provider: "b2", region: "eu-central-003" }, { endpoint: "https://s3.eu-central-003.backblazeb2.com" }],
  ["Wasabi", { provider: "wasabi", region: "eu-west-1" }, { endpoint: "https://s3.eu-west-1.wasabisys.com" }],
  ["Tigris", { provider: "tigris" }, { endpoint: "https://t3.storage.dev", region: "auto", usePathStyle: false }],
  ["Google's S3 interface", { provider: "gcs-interop" }, { endpoint: "https://storage.googleapis.com" }],
  ["a folder", { prefix: "a/b" }, { prefix: "a/b/" }],
  ["a folder with its slash", { prefix: "a/b/" }, { prefix: "a/b/" }],
])("%s", (_, options, expected) => {
  expect(settle({ bucket: "b", ...options })).toMatchObject(expected);
});

test.each<[object, RegExp]>([
  [{ bucket: "" }, /"bucket" is empty/],
  [{ bucket: "a/b" }, /folder as the option "prefix"/],
  [{ accessKeyId: "x" }, /"accessKeyId" and "secretAccessKey" go together/],
  [{ sessionToken: "x" }, /needs "accessKeyId"/],
  [{ endpoint: "https://u:p@h" }, /endpoint holds credentials/],
  [{ endpoint: "https://h", disableSsl: true }, /drop one/],
  [{ endpoint: "http://" }, /is no URL/],
  [{ provider: "minio" }, /runs at your own address; give the option "endpoint"/],
  [{ provider: "r2" }, /needs the option "accountId"/],
  [{ provider: "aliyun" }, /"aws" \| "r2"/],
  [{ provider: "r2", accountId: "a", tags: { a: "b" } }, /keeps no object tags/],
  [{ partSizeBytes: 1024 }, /5242880 or more/],
  [{ sseKmsKeyId: "k" }, /needs serverSideEncryption/],
  [{ sseCustomerKey: "short" }, /32 bytes in base64/],
  [{ prefix: "/a" }, /empty segment/],
  [{ buckett: "b" }, /did you mean "bucket"/],
])("%j is refused with the remedy", (options, reason) => {
  expect(() => s3({ bucket: "b", ...options } as S3Options)).toThrow(reason);
});

test("the older names and both spellings are one option", () => {
  const config = {
    bucket: "b",
    region: "eu-west-1",
    endpoint: "h:9",
    prefix: "p",
    access_key_id: "AKIAEXAMPLE",
    secret_access_key: "very-secret",
    session_token: "t",
    use_path_style: "true",
    disable_ssl: "true",
    part_size: "10485760",
    concurrency: "2",
  };
  expect(s3.fromText(config)).toHaveProperty(
    "driver.identity",
    s3({ ...KEYS, bucket: "b", region: "eu-west-1", endpoint: "http://h:9", prefix: "p", sessionToken: "t" }).driver.identity,
  );
});

test("a URL names bucket and folder, its query the options", async () => {
  expect(configOfUrl(new URL("s3://my-bucket/a%20b/c"))).toEqual({ bucket: "my-bucket", prefix: "a b/c" });
  const opened = await open("s3://my-bucket/a/b?region=eu-west-1&part_size=6000000", { use: [s3] });
  expect(opened.driver.identity).toBe(s3({ bucket: "my-bucket", prefix: "a/b", region: "eu-west-1" }).driver.identity);
  await expect(open("s3://my-bucket?part_size=10", { use: [s3] })).rejects.toThrow(/"partSizeBytes" is a whole number/);
});

test("the environment: Omni's own variables before those of the AWS tools, never a key of one with a secret of the other", () => {
  const aws = {
    AWS_ACCESS_KEY_ID: "AKIA1",
    AWS_SECRET_ACCESS_KEY: "s1",
    AWS_SESSION_TOKEN: "t1",
    AWS_DEFAULT_REGION: "eu-west-1",
    AWS_ENDPOINT_URL: "http://h:9",
  };
  expect(configOfEnv({ ...aws, OMNI_S3_BUCKET: "b" })).toEqual({
    bucket: "b",
    accessKeyId: "AKIA1",
    secretAccessKey: "s1",
    sessionToken: "t1",
    region: "eu-west-1",
    endpoint: "http://h:9",
  });
  expect(
    configOfEnv({ ...aws, OMNI_S3_ACCESS_KEY_ID: "AKIA2", OMNI_S3_SECRET_ACCESS_KEY: "s2", OMNI_S3_REGION: "us-west-2" }),
  ).toEqual({
    access_key_id: "AKIA2",
    secret_access_key: "s2",
    region: "us-west-2",
    endpoint: "http://h:9",
  });
  expect(s3FromEnv({ OMNI_S3_BUCKET: "b", OMNI_S3_PART_SIZE: "6000000", ...aws }).driver.identity).toContain("b");
  expect(() => s3FromEnv({})).toThrow(/"bucket" is missing/);
});

test("the identity tells stores apart and knows one store again, without a secret", () => {
  const identity = (options: Partial<S3Options>): string | undefined => s3({ bucket: "data", ...options }).driver.identity;
  const distinct = [
    identity({ region: "us-east-1" }),
    identity({ region: "us-west-2" }),
    identity({ region: "us-east-1", prefix: "a" }),
    identity({ region: "us-east-1", bucket: "other" }),
    identity({ endpoint: "https://h1", ...KEYS }),
    identity({ endpoint: "https://h2", ...KEYS }),
    identity({ endpoint: "https://h1", ...KEYS, accessKeyId: "AKIAOTHER" }),
  ];
  expect(new Set(distinct).size).toBe(distinct.length);
  expect(identity({ region: "us-east-1", ...KEYS })).toBe(identity({}));
  expect(identity({ endpoint: "https://h1/", ...KEYS, prefix: "a" })).toBe(
    identity({ endpoint: "https://h1", ...KEYS, prefix: "a/" }),
  );
  expect(isSameStore(s3({ bucket: "data" }), s3({ bucket: "data" }))).toBe(true);
  expect(distinct.join()).not.toMatch(/AKIA|very-secret/);
});

test("no print of a backend or of an error about its options shows a secret", () => {
  const backend = s3({ bucket: "b", ...KEYS, sessionToken: "token-secret", clientConfig: { credentials: { ...KEYS } } });
  expect(inspect(backend, { depth: 9, showHidden: true })).not.toMatch(/very-secret|token-secret/);
  expect(inspect(backend.driver, { depth: 9, showHidden: true })).not.toMatch(/very-secret|token-secret/);
  for (const wrong of [
    { bucket: "b", secretAccessKey: "very-secret" },
    { bucket: "b", ...KEYS, sseCustomerKey: "very-secret" },
    { bucket: "b", secretAccessKey: ["very-secret"] },
  ]) {
    let error: unknown;
    try {
      s3(wrong as never);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as OmniError).code).toBe("INVALID_ARGUMENT");
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("very-secret");
  }
});

test("every provider states its source, and every gap that a feature has", () => {
  for (const [name, profile] of Object.entries(PROVIDERS)) {
    expect([name, profile.source]).toEqual([name, expect.stringMatching(/^(https:|the least)/)]);
    if (!profile.conditional.create && name !== "other")
      expect([name, profile.gaps.join()]).toEqual([name, expect.stringMatching(/condition/)]);
    if (!profile.tags) expect([name, profile.gaps.join()]).toEqual([name, expect.stringMatching(/tags/)]);
  }
  expect(Object.keys(OPTIONS)).toContain("provider");
});
