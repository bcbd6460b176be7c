import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { encodeKey } from "../src/keys.ts";
import { headOf } from "../src/lean-operations.ts";
import { type Keys, RequestSigner } from "../src/request-signer.ts";

/** Node's SHA-256 in the words of the SDK's signer. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as string | NodeJS.ArrayBufferView);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error("each digest is used once");
  }
}

const region = "eu-central-1";
const now = Date.UTC(2026, 0, 31, 23, 59, 59, 999);
const keys: Keys = { accessKeyId: "AKID", secretAccessKey: "secret" };
const request = (headers: Readonly<Record<string, string>>, path = "/bucket/key", method = "PUT", query = "") => ({
  method,
  path,
  query,
  headers: { host: "localhost:9000", "x-amz-content-sha256": "e3b0", ...headers },
});

async function bySdk(asked: ReturnType<typeof request>, credentials: Keys, time: number): Promise<string | undefined> {
  const { sessionToken, ...pair } = credentials;
  const signer = new SignatureV4({
    service: "s3",
    region,
    credentials: { ...pair, ...(sessionToken === undefined ? {} : { sessionToken }) },
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const query = Object.fromEntries(new URLSearchParams(asked.query));
  const whole = { ...asked, query, headers: { ...asked.headers }, protocol: "http:", hostname: "localhost", port: 9000 };
  return (await signer.sign(whole, { signingDate: new Date(time) })).headers.authorization;
}

test("signs as the SDK does", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "B", "7", " ", "\t", "=", "-", '"', ",", "ü") });
  const name = fc.constantFrom(
    "content-type",
    "cache-control",
    "if-match",
    "x-amz-meta-b",
    "x-amz-meta-a",
    "content-length",
    "range",
  );
  const headers = fc.dictionary(name, text);
  const sessionToken = fc.option(fc.string({ minLength: 1 }), { nil: undefined });
  const time = fc.date({ min: new Date(0), max: new Date(Date.UTC(2099, 0)), noInvalidDate: true });
  const method = fc.constantFrom("GET", "PUT", "HEAD", "DELETE");
  const list = fc.record({ Prefix: fc.string(), ContinuationToken: fc.string(), MaxKeys: fc.nat() }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(headers, sessionToken, time, method, fc.string(), list, async (given, token, at, verb, key, page) => {
      const query = headOf("ListObjectsV2", page)?.query;
      const asked = request(given, `/bucket/${encodeKey(key)}`, verb, query);
      const credentials = { ...keys, sessionToken: token };
      const signed = await new RequestSigner(region, async () => credentials).sign(asked, at.getTime());
      expect(signed.authorization).toBe(await bySdk(asked, credentials, at.getTime()));
      expect(signed).toMatchObject(asked.headers);
      expect(signed["x-amz-security-token"]).toBe(token);
    }),
  );
});

test("another day, and keys that were renewed, are signed anew by the same signer", async () => {
  let current = keys;
  const signer = new RequestSigner(region, async () => current);
  const steps: readonly [Keys, number][] = [
    [keys, now],
    [keys, now + 1],
    [{ accessKeyId: "AKID2", secretAccessKey: "other", sessionToken: "t" }, now + 2_000],
    [keys, now - 1_000],
  ];
  for (const [credentials, time] of steps) {
    current = credentials;
    const { authorization } = await signer.sign(request({}), time);
    expect(authorization).toBe(await bySdk(request({}), credentials, time));
  }
});

test("keys that cannot be had are an error of the request", async () => {
  const signer = new RequestSigner(region, () => Promise.reject(new Error("no credentials")));
  await expect(signer.sign(request({}), now)).rejects.toThrow("no credentials");
});
