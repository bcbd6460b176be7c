import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { createHasher, OmniError } from "@omni/core";
import { type GcsBackend, type GcsOptions, gcs } from "@omni/gcs";
import { CREDENTIALS } from "@omni/store-trials/gcs";
import { authError } from "../src/account.ts";
import { classifyError } from "../src/errors.ts";
import { type Reply, refusal, resource, type Seen, StoreDouble } from "./double.ts";

const KIB = 1024;

function open(double: { readonly url: string }, more: Partial<GcsOptions> = {}): GcsBackend {
  return gcs({ bucket: "photos", apiEndpoint: double.url, chunkSizeBytes: 256 * KIB, ...more });
}

async function failureOf(work: Promise<unknown>): Promise<OmniError> {
  const [result] = await Promise.allSettled([work]);
  if (result.status === "fulfilled" || !OmniError.is(result.reason)) throw new Error(`expected an OmniError: ${inspect(result)}`);
  return result.reason;
}

function crcOf(bytes: Uint8Array): string {
  const hasher = createHasher("crc32c");
  hasher.update(bytes);
  return Buffer.from(hasher.digest(), "hex").toString("base64");
}

describe("credentials", () => {
  const token = "ya29.hunter2";

  // Google's library has a word of its own about federated credentials.
  const { warn } = console;
  beforeAll(() => {
    console.warn = () => {};
  });
  afterAll(() => {
    console.warn = warn;
  });

  function service(tokenReply: Reply, api: (request: Seen) => Reply): Promise<StoreDouble> {
    return StoreDouble.start((request) => (request.path === "/token" ? tokenReply : api(request)));
  }

  // Workload identity federation: of all kinds of credentials, the one that says where tokens are given.
  async function federated(double: StoreDouble): Promise<GcsBackend> {
    const file = join(await mkdtemp(join(tmpdir(), "omni-gcs-")), "subject");
    await writeFile(file, "subject-hunter2");
    return open(double, {
      anonymous: false,
      credentials: {
        type: "external_account",
        audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        token_url: `${double.url}/token`,
        credential_source: { file },
      },
    });
  }

  const good = {
    headers: { "content-type": "application/json" },
    body: {
      access_token: token,
      expires_in: 3600,
      token_type: "Bearer",
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    },
  };

  test("a token is asked for once and used for every call", async () => {
    await using double = await service(good, () => ({ body: resource("a") }));
    await using store = await federated(double);
    await Promise.all([store.stat("a"), store.stat("a"), store.stat("a")]);
    await store.stat("a");
    const calls = double.seen.filter(({ path }) => path !== "/token");
    expect(calls).toHaveLength(4);
    expect(new Set(calls.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${token}`]));
    expect(double.seen.length - calls.length).toBe(1);
  });

  test("nothing that an error shows is secret", async () => {
    await using double = await service(good, () =>
      refusal(403, "forbidden", `no access with Bearer ${token} at /o/a?X-Goog-Signature=hunter2`),
    );
    await using store = await federated(double);
    const error = await failureOf(store.stat("a"));
    expect(error.code).toBe("PERMISSION_DENIED");
    expect(error.message).toMatch(/no access.*role/);
    const shown = inspect(error, { depth: 20, showHidden: true });
    expect(shown).not.toContain("hunter2");
    expect(shown).not.toContain("PRIVATE KEY");
  });

  test("a refused subject is UNAUTHENTICATED, and what was sent is not shown", async () => {
    const invalid = {
      status: 400,
      headers: { "content-type": "application/json" },
      body: { error: "invalid_grant", error_description: "The subject token is not valid." },
    };
    await using double = await service(invalid, () => ({ body: resource("a") }));
    await using store = await federated(double);
    const error = await failureOf(store.write("a", "x"));
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", outcome: "not-applied", retryable: false });
    expect(error.message).toMatch(/invalid_grant.*"credentialsFile"/);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("hunter2");
  });

  test.each<readonly [what: string, failure: object, code: string, words: RegExp]>([
    [
      "a signature that is wrong",
      { status: 400, response: { status: 400, data: { error: "invalid_grant", error_description: "Invalid JWT Signature." } } },
      "UNAUTHENTICATED",
      /no token was given: invalid_grant \(Invalid JWT Signature\.\)/,
    ],
    [
      "a clock that is off",
      {
        response: {
          status: 400,
          data: {
            error: "invalid_grant",
            error_description:
              "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
          },
        },
      },
      "UNAUTHENTICATED",
      /clock differs too much from the store's: set the clock/,
    ],
    [
      "no credentials",
      { message: "Could not load the default credentials. Browse to https://..." },
      "UNAUTHENTICATED",
      /no credentials were found/,
    ],
    ["words with a key in them", { message: "bad key: hunter2 {secret}" }, "UNAUTHENTICATED", /no token could be had/],
    ["an overload", { response: { status: 503, data: "hunter2" } }, "UNAVAILABLE", /^/],
    [
      "a name that is unknown",
      { code: "ENOTFOUND", message: "request to https://hunter2 failed, getaddrinfo ENOTFOUND oauth2.googleapis.com" },
      "UNAVAILABLE",
      /cannot reach oauth2\.googleapis\.com/,
    ],
  ])("of a failure to get a token only words are kept: %s", (_, failure, code, words) => {
    const config = { data: "assertion=hunter2", headers: { authorization: "Bearer hunter2" } };
    const error = authError(Object.assign(new Error("request failed"), { config }, failure));
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("hunter2");
    expect(classifyError(error)?.code).toBe(code);
    expect(classifyError(error)?.reason ?? "").toMatch(words);
  });

  test("a key that is none is UNAUTHENTICATED", async () => {
    await using double = await service(good, () => ({ body: resource("a") }));
    await using store = open(double, {
      anonymous: false,
      credentials: { ...CREDENTIALS, private_key: "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n" },
    });
    const error = await failureOf(store.stat("a"));
    expect(error.code).toBe("UNAUTHENTICATED");
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("hunter2");
    expect(double.seen).toEqual([]);
  });

  test("a key file that is missing names itself", async () => {
    await using double = await service(good, () => ({}));
    await using store = open(double, { anonymous: false, credentialsFile: `${tmpdir()}/no-such-key.json` });
    expect((await failureOf(store.stat("a"))).message).toMatch(/no-such-key\.json" cannot be read \(ENOENT\)/);
  });

  test("a token of the SDK that refuses is asked no more than it may", async () => {
    await using double = await StoreDouble.start(() => refusal(401, "required", "Anonymous caller"));
    await using store = open(double);
    expect((await failureOf(store.stat("a"))).message).toMatch(/"anonymous" to false/);
    expect(double.seen[0]?.headers.authorization).toBeUndefined();
    expect(double.seen).toHaveLength(1);
  });
});

describe("tries", () => {
  test("an overload is tried again, after the time that the store asks for", async () => {
    await using double = await StoreDouble.start((_, index) =>
      index === 0 ? { ...refusal(429, "rateLimitExceeded"), headers: { "retry-after": "0" } } : { body: resource("a") },
    );
    await using store = open(double);
    expect((await store.stat("a")).size).toBe(5);
    expect(double.seen).toHaveLength(2);
  });

  test("it ends after maxAttempts", async () => {
    await using double = await StoreDouble.start(() => refusal(429, "rateLimitExceeded"));
    await using store = open(double, { maxAttempts: 3 });
    expect(await failureOf(store.delete("a"))).toMatchObject({ code: "RATE_LIMITED", outcome: "not-applied", retryable: true });
    expect(double.seen).toHaveLength(3);
  });

  test("a write whose answer was lost is asked for by its nonce, not repeated", async () => {
    let stored: { metadata?: Record<string, string> } = {};
    await using double = await StoreDouble.start(({ method, body }) => {
      if (method === "GET") return { body: resource("a", { metadata: stored.metadata }) };
      stored = JSON.parse(/\r\n\r\n(\{.*\})\r\n/.exec(body.toString())?.[1] ?? "{}");
      return { status: 503 };
    });
    await using store = open(double);
    expect((await store.write("a", "12345", { metadata: { k: "v" } })).metadata).toEqual({ k: "v" });
    expect(double.log).toEqual(["POST /upload/storage/v1/b/photos/o", "GET /storage/v1/b/photos/o/a"]);
  });

  test("a write in doubt over another's object says unknown", async () => {
    await using double = await StoreDouble.start(({ method }) => (method === "GET" ? { body: resource("a") } : { reset: true }));
    await using store = open(double, { maxAttempts: 2 });
    expect(await failureOf(store.write("a", "12345"))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
  });

  test("an endpoint that nobody listens at is UNAVAILABLE", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    taken.close();
    await once(taken, "close");
    await using store = open({ url: `http://127.0.0.1:${port}` }, { maxAttempts: 1 });
    const error = await failureOf(store.write("a", "x"));
    expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied", retryable: true });
    expect(error.message).toBe(
      `gcs write "a": cannot reach 127.0.0.1:${port} (ECONNREFUSED): check the option "apiEndpoint" and the network`,
    );
  });

  test("silence ends after socketTimeoutMs", async () => {
    await using double = await StoreDouble.start(() => ({ hang: true }));
    await using store = open(double, { socketTimeoutMs: 50, maxAttempts: 1 });
    expect(await failureOf(store.stat("a"))).toMatchObject({ code: "TIMEOUT", retryable: true });
  });

  test("nothing is sent after an abort", async () => {
    const controller = new AbortController();
    await using double = await StoreDouble.start(() => {
      setImmediate(() => controller.abort(new Error("enough")));
      return refusal(503, "backendError");
    });
    await using store = open(double, { maxAttempts: 50 });
    await expect(store.stat("a", { signal: controller.signal })).rejects.toThrow("enough");
    const sent = double.seen.length;
    await expect(store.stat("a", { signal: controller.signal })).rejects.toThrow("enough");
    expect(double.seen).toHaveLength(sent);
  });
});

describe("a time limit speaks of the whole operation", () => {
  test("a move whose copy is there is not called undone", async () => {
    await using double = await StoreDouble.start(({ method }) => {
      if (method === "POST") return { body: { done: true, resource: resource("b") } };
      return method === "DELETE"
        ? { ...refusal(429, "rateLimitExceeded"), headers: { "retry-after": "5" } }
        : { body: resource("a") };
    });
    await using store = open(double);
    expect(await failureOf(store.move("a", "b", { timeoutMs: 200 }))).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
    expect(double.log).toContain("DELETE /storage/v1/b/photos/o/a");
  });

  test("a copy that was refused so far was not applied", async () => {
    await using double = await StoreDouble.start(({ method }) =>
      method === "POST" ? { ...refusal(429, "rateLimitExceeded"), headers: { "retry-after": "5" } } : { body: resource("a") },
    );
    await using store = open(double);
    expect(await failureOf(store.copy("a", "b", { timeoutMs: 200 }))).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
  });

  test("a delete that may have happened is not called undone", async () => {
    let deletes = 0;
    await using double = await StoreDouble.start(({ method }) => {
      if (method !== "DELETE") return { hang: true };
      return deletes++ === 0 ? { status: 500 } : refusal(404, "notFound", "Not Found");
    });
    await using store = open(double);
    const { errors } = await store.deleteMany(["a"], { timeoutMs: 500 });
    expect(errors).toMatchObject([{ path: "a", error: { code: "TIMEOUT", outcome: "unknown" } }]);
  });
});

describe("small writes", () => {
  test("are one request with both checksums", async () => {
    await using double = await StoreDouble.start(() => ({ body: resource("a") }));
    await using store = open(double);
    await store.write("a b/ü", "12345", { contentType: "text/plain", ifNoneMatch: "*" });
    const [{ query, headers, body } = { query: new URLSearchParams(), headers: {}, body: "" }] = double.seen;
    expect(double.seen).toHaveLength(1);
    expect(query.get("uploadType")).toBe("multipart");
    expect(query.get("ifGenerationMatch")).toBe("0");
    expect(headers["content-type"]).toMatch(/^multipart\/related; boundary=/);
    const described = JSON.parse(/(\{.*\})/.exec(body.toString())?.[1] ?? "{}");
    expect(described).toMatchObject({ name: "a b/ü", crc32c: crcOf(Buffer.from("12345")), md5Hash: "gnzLDuqKcGxMNKFokfhOew==" });
  });

  test("a refused checksum is CHECKSUM_MISMATCH", async () => {
    const words = 'Provided CRC32C "AAAAAA==" doesn\'t match calculated CRC32C "BBBBBB==".';
    await using double = await StoreDouble.start(() => refusal(400, "invalid", words));
    await using store = open(double);
    expect(await failureOf(store.write("a", "12345"))).toMatchObject({ code: "CHECKSUM_MISMATCH", outcome: "not-applied" });
  });
});

test("metadata that is replaced is taken away by null", async () => {
  const metadata = { a: "1", b: "2", "omni-nonce": "n" };
  await using double = await StoreDouble.start(() => ({ body: resource("a", { metadata, metageneration: "7" }) }));
  await using store = open(double);
  await store.setMetadata("a", { metadata: { b: "3" }, cacheControl: "no-store" });
  const { method, query, body } = double.seen[1] as Seen;
  expect(method).toBe("PATCH");
  expect([query.get("ifGenerationMatch"), query.get("ifMetagenerationMatch")]).toEqual(["100", "7"]);
  expect(JSON.parse(body.toString())).toEqual({ cacheControl: "no-store", metadata: { a: null, b: "3", "omni-nonce": "n" } });
});

describe("reads", () => {
  const bytes = Buffer.from("12345");
  const media = (generation: string, body: Uint8Array = bytes): Reply => ({ body, headers: { "x-goog-generation": generation } });

  test("bytes and description are of one generation", async () => {
    let looks = 0;
    await using double = await StoreDouble.start(({ query }) => {
      if (query.get("alt") === "media") return media("101");
      return { body: resource("a", { generation: looks++ === 0 ? "100" : "101" }) };
    });
    await using store = open(double);
    const reader = await store.read("a");
    expect(reader.info.etag).toBe("101");
    expect(await reader.text()).toBe("12345");
  });

  test("bytes that do not have the object's checksum are not given whole", async () => {
    await using double = await StoreDouble.start(({ query }) =>
      query.get("alt") === "media" ? media("100", Buffer.from("12346")) : { body: resource("a", { crc32c: crcOf(bytes) }) },
    );
    await using store = open(double);
    expect(await failureOf((await store.read("a")).bytes())).toMatchObject({ code: "CHECKSUM_MISMATCH" });
  });

  test("a compressed object comes as it is kept", async () => {
    await using double = await StoreDouble.start(({ query }) =>
      query.get("alt") === "media" ? media("100") : { body: resource("a", { contentEncoding: "gzip" }) },
    );
    await using store = open(double);
    expect(await (await store.read("a")).text()).toBe("12345");
    expect(double.seen.find(({ query }) => query.get("alt") === "media")?.headers["accept-encoding"]).toBe("gzip");
  });
});

describe("listings", () => {
  const names = Array.from({ length: 12_000 }, (_, i) => `n/${String(i).padStart(5, "0")}`);

  function pages(): Promise<StoreDouble> {
    return StoreDouble.start(({ query }) => {
      const from = Number(query.get("pageToken") ?? names.findIndex((name) => name >= (query.get("startOffset") ?? "")));
      const items = names.slice(from, from + 1000).map((name) => resource(name));
      return { body: { items, ...(from + 1000 < names.length ? { nextPageToken: String(from + 1000) } : {}) } };
    });
  }

  test("12,000 objects come in order, the first before the second page is asked for", async () => {
    await using double = await pages();
    await using store = open(double);
    const seen: string[] = [];
    for await (const { path } of store.list("n/")) {
      if (seen.length === 0) expect(double.seen).toHaveLength(1);
      seen.push(path);
    }
    expect(seen).toEqual(names);
    expect(double.seen).toHaveLength(12);
  });

  test("startAfter leaves its own path out", async () => {
    await using double = await pages();
    await using store = open(double);
    const seen: string[] = [];
    for await (const { path } of store.list("n/", { startAfter: "n/11997" })) seen.push(path);
    expect(seen).toEqual(["n/11998", "n/11999"]);
    expect(double.seen[0]?.query.get("startOffset")).toBe("n/11997");
  });

  test("a page that leads nowhere is an error", async () => {
    await using double = await StoreDouble.start(() => ({ body: { items: [resource("a")], nextPageToken: "again" } }));
    await using store = open(double);
    expect((await failureOf(Array.fromAsync(store.list("")))).message).toMatch(/not complete/);
  });
});
