import { inspect } from "node:util";
import { OmniError } from "@omni/core";
import { type S3Backend, type S3Options, s3 } from "@omni/s3";
import { type Asked, errorBody, type Recorded, RecordedStore } from "./recorded.ts";

const KEYS = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "very-secret" };

async function against<T>(
  answer: (asked: Asked) => Recorded | undefined,
  use: (store: S3Backend, double: RecordedStore) => Promise<T>,
  more: Partial<S3Options> = {},
): Promise<T> {
  await using double = await RecordedStore.start(answer);
  await using store = s3({ bucket: "photos", endpoint: double.url, ...KEYS, maxAttempts: 2, ...more });
  return await use(store, double);
}

async function errorOf(work: Promise<unknown>): Promise<OmniError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!OmniError.is(error)) throw new Error(`expected an OmniError, not ${inspect(error)}`);
  return error;
}

const SKEWED = errorBody(
  "RequestTimeTooSkewed",
  "The difference between the request time and the current time is too large.",
  "<RequestTime>20260101T000000Z</RequestTime><ServerTime>2026-11-21T00:00:00Z</ServerTime><MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>",
);
const REDIRECT = errorBody(
  "PermanentRedirect",
  "The bucket you are attempting to access must be addressed using the specified endpoint.",
  "<Endpoint>photos.s3-eu-west-1.amazonaws.com</Endpoint><Bucket>photos</Bucket>",
);

test.each<[string, Recorded, string, RegExp]>([
  [
    "throttling",
    { status: 503, words: "Slow Down", body: errorBody("SlowDown", "Please reduce your request rate.") },
    "RATE_LIMITED",
    /lower the concurrency/,
  ],
  ["too many requests", { status: 429, headers: { "retry-after": "0" } }, "RATE_LIMITED", /lower the concurrency/],
  ["a skewed clock", { status: 403, body: SKEWED }, "UNAUTHENTICATED", /set the clock/],
  [
    "another region",
    { status: 301, headers: { "x-amz-bucket-region": "eu-west-1" }, body: REDIRECT },
    "INVALID_ARGUMENT",
    /set the option "region" to "eu-west-1"/,
  ],
  [
    "a missing bucket",
    { status: 404, body: errorBody("NoSuchBucket", "The specified bucket does not exist", "<BucketName>photos</BucketName>") },
    "INVALID_ARGUMENT",
    /bucket "photos" does not exist at http:.*create it/,
  ],
  [
    "a wrong secret",
    {
      status: 403,
      body: errorBody(
        "SignatureDoesNotMatch",
        "no match",
        "<AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId><StringToSign>AWS4 sts</StringToSign><SignatureProvided>abcdef</SignatureProvided>",
      ),
    },
    "UNAUTHENTICATED",
    /secret key is wrong/,
  ],
])("%s is a clear error with the remedy, for every operation, HEAD too", async (_, answer, code, reason) => {
  await against(
    () => answer,
    async (store) => {
      const calls = [
        store.write("a", "x"),
        store.read("a"),
        store.stat("a"),
        store.exists("a"),
        store.delete("a"),
        store.copy("a", "b"),
        store.stage("a", "x"),
        (async () => {
          for await (const _ of store.list()) throw new Error("nothing is listed");
        })(),
      ];
      for (const error of await Promise.all(calls.map(errorOf))) {
        expect(error.code).toBe(code);
        expect(error.message).toMatch(reason);
        expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/very-secret|AWS4 sts|abcdef|Signature=/);
      }
    },
  );
});

test.each<[string, Omit<Recorded, "status">, string]>([
  ["the words of its status line", { words: "Slow Down" }, "RATE_LIMITED"],
  ["Retry-After", { headers: { "retry-after": "0" } }, "RATE_LIMITED"],
  ["neither", {}, "UNAVAILABLE"],
])("a 503 to a HEAD has no body: %s decides, by both ways to the store", async (_, head, code) => {
  const answer = (): Recorded => ({ status: 503, ...head });
  for (const more of [{}, { clientConfig: {} }])
    await against(
      answer,
      async (store) => {
        // The first request goes by the SDK, the second past it, unless there is a configuration of the caller's.
        for (const _ of [1, 2]) expect(await errorOf(store.stat("a"))).toMatchObject({ code, retryable: true });
      },
      more,
    );
});

test("a missing object costs one question more, once: whether the bucket is there", async () => {
  await against(
    ({ method }) => (method === "HEAD" ? { status: 404 } : page([], "<IsTruncated>false</IsTruncated>")),
    async (store, double) => {
      for (let i = 0; i < 3; i++) expect(await store.exists("a")).toBe(false);
      expect(double.asked.map(({ method }) => method)).toEqual(["HEAD", "GET", "HEAD", "HEAD"]);
    },
  );
});

test("a change that was refused says not-applied, one that failed inside says unknown", async () => {
  const refused = await against(
    () => ({ status: 503, body: errorBody("SlowDown", "slow") }),
    (store) => errorOf(store.write("a", "x")),
  );
  expect([refused.outcome, refused.retryable]).toEqual(["not-applied", true]);
  const failed = await against(
    () => ({ status: 500, body: errorBody("InternalError", "inside") }),
    (store) => errorOf(store.write("a", "x")),
  );
  expect([failed.code, failed.outcome]).toEqual(["UNAVAILABLE", "unknown"]);
});

test("an earlier try that may have worked makes a later refusal unknown", async () => {
  let tries = 0;
  const error = await against(
    ({ method }) =>
      method === "HEAD"
        ? { status: 404 }
        : tries++ === 0
          ? { status: 500 }
          : { status: 403, body: errorBody("AccessDenied", "no") },
    (store) => errorOf(store.write("a", "x")),
  );
  expect([error.code, error.outcome]).toEqual(["PERMISSION_DENIED", "unknown"]);
});

test("a 200 that carries an error is an error", async () => {
  const created = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";
  const error = await against(
    ({ method, url }) => {
      if (method === "POST" && url.includes("uploads")) return { status: 200, body: created };
      if (method === "PUT") return { status: 200, headers: { etag: '"p"' } };
      if (method === "POST") return { status: 200, body: errorBody("InternalError", "We encountered an internal error.") };
      if (method === "GET") return { status: 200, body: "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>" };
      return undefined;
    },
    async (store) => errorOf((await store.stage("a", "x")).commit()),
  );
  expect([error.code, error.outcome]).toEqual(["UNAVAILABLE", "unknown"]);
});

const page = (keys: readonly string[], more: string): Recorded => ({
  status: 200,
  body: `<ListBucketResult><EncodingType>url</EncodingType>${more}${keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join("")}</ListBucketResult>`,
});

test.each([
  ["without a token", ""],
  ["with the token that was used", "<NextContinuationToken>t</NextContinuationToken>"],
])("a listing that is cut short %s is an error after its entries, never a short list", async (_, token) => {
  const paths: string[] = [];
  const error = await against(
    () => page(["a", "b+c%2Bd"], `<IsTruncated>true</IsTruncated>${token}`),
    (store) =>
      errorOf(
        (async () => {
          for await (const info of store.list()) paths.push(info.path);
        })(),
      ),
  );
  expect(paths.slice(0, 2)).toEqual(["a", "b c+d"]);
  expect(error.message).toMatch(/short without saying how to go on: it is not complete/);
});

describe("sweepStale over pages of uploads", () => {
  const page = (keys: readonly string[], next = ""): string =>
    `<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>${next !== ""}</IsTruncated>${next}${keys
      .map((key) => `<Upload><Key>${key}</Key><UploadId>of-${key}</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>`)
      .join("")}</ListMultipartUploadsResult>`;
  const marker = (key: string): string => `<NextKeyMarker>${key}</NextKeyMarker><NextUploadIdMarker>of-${key}</NextUploadIdMarker>`;
  const listing = ({ method, url }: Asked): URLSearchParams | undefined =>
    method === "GET" && url.includes("uploads") ? new URL(url, "http://store").searchParams : undefined;

  test("goes on to the end and removes each one by its own name", async () => {
    const answer = (asked: Asked): Recorded => {
      const query = listing(asked);
      if (query === undefined) return { status: asked.method === "DELETE" ? 204 : 404 };
      return {
        status: 200,
        body: query.get("key-marker") === "in/b c" ? page(["in%2Fd"]) : page(["in%2Fa", "in%2Fb+c"], marker("in%2Fb+c")),
      };
    };
    await against(
      answer,
      async (store, { asked }) => {
        expect(await store.sweepStale({ olderThanMs: 1_000 })).toEqual({ removed: 3, kept: 0 });
        const lists = asked.map(listing).filter((query) => query !== undefined);
        expect(lists.map((query) => [query.get("prefix"), query.get("key-marker"), query.get("upload-id-marker")])).toEqual([
          ["in/", null, null],
          ["in/", "in/b c", "of-in%2Fb+c"],
        ]);
        const removed = asked.filter(({ method }) => method === "DELETE").map(({ url }) => new URL(url, "http://store"));
        expect(removed.map((url) => [url.pathname, url.searchParams.get("uploadId")])).toEqual([
          ["/photos/in/a", "of-in%2Fa"],
          ["/photos/in/b%20c", "of-in%2Fb+c"],
          ["/photos/in/d", "of-in%2Fd"],
        ]);
      },
      { prefix: "in" },
    );
  });

  test("finds a key that is encoded although the answer does not say so, and one that only looks so", async () => {
    const keys = ["%C3%BC%20a", "100%", "a b%41", "50%zz%E4"];
    const answer = (asked: Asked): Recorded =>
      listing(asked) ? { status: 200, body: page(keys).replace("<EncodingType>url</EncodingType>", "") } : { status: 204 };
    await against(answer, async (store, { asked }) => {
      expect(await store.sweepStale({ olderThanMs: 0 })).toEqual({ removed: 4, kept: 0 });
      const removed = asked.filter(({ method }) => method === "DELETE").map(({ url }) => url.slice(0, url.indexOf("?")));
      expect(removed.map((path) => decodeURIComponent(path.slice("/photos/".length)))).toEqual([
        "%C3%BC%20a",
        "ü a",
        "100%",
        "a b%41",
        "a bA",
        "50%zz%E4",
      ]);
    });
  });

  test.each([
    ["no marker", () => page(["a"], "<NextKeyMarker></NextKeyMarker>")],
    ["the same marker again", () => page(["a"], marker("a"))],
  ])("a page cut short with %s is an error, not an end", async (_, body) => {
    await against(
      (asked) => (listing(asked) ? { status: 200, body: body() } : { status: 204 }),
      async (store) => {
        const error = await errorOf(store.sweepStale({ olderThanMs: 0 }));
        expect(error.message).toMatch(/cut the list of uploads short/);
      },
    );
  });
});

test("a batched delete gives the errors of single paths, and proves its body by MD5 where CRC is not known", async () => {
  await against(
    () => ({
      status: 200,
      body: "<DeleteResult><Error><Key>f/b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>",
    }),
    async (store, double) => {
      const report = await store.deleteMany(["a", "b", "c"]);
      expect(report.deleted).toBe(2);
      expect(report.errors.map(({ path, error }) => [path, error.code])).toEqual([["b", "PERMISSION_DENIED"]]);
      expect(double.asked[0]?.headers["content-md5"]).toMatch(/==$/);
      expect(Object.keys(double.asked[0]?.headers ?? {}).join()).not.toMatch(/x-amz-checksum|sdk-checksum/);
    },
    { prefix: "f" },
  );
});

test("wishes of every kind reach the store", async () => {
  await against(
    () => ({ status: 200, headers: { etag: '"e"' } }),
    async (store, double) => {
      await store.write("a", "x", {
        cacheControl: "no-store",
        contentType: "text/x",
        metadata: { k: "ž" },
        modifiedAt: new Date(5),
      });
      expect(double.asked[0]?.headers).toMatchObject({
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-tagging": "team=a+b&x=%26",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "key-1",
        "cache-control": "no-store",
        "content-type": "text/x",
        "x-amz-meta-k": "=?UTF-8?B?xb4=?=",
        "x-amz-meta-omni-modified-at": "5",
      });
    },
    { storageClass: "STANDARD_IA", tags: { team: "a b", x: "&" }, serverSideEncryption: "aws:kms", sseKmsKeyId: "key-1" },
  );
});

test("a key of one's own goes with every request that touches the bytes", async () => {
  const sseCustomerKey = Buffer.alloc(32, 1).toString("base64");
  await against(
    () => ({ status: 200, headers: { etag: '"e"' } }),
    async (store, double) => {
      await store.write("a", "x");
      await store.stat("a");
      await (await store.read("a")).bytes();
      for (const { headers } of double.asked) expect(headers["x-amz-server-side-encryption-customer-key"]).toBe(sseCustomerKey);
    },
    { sseCustomerKey },
  );
});

test("an endpoint where nobody answers", async () => {
  await using store = s3({ bucket: "photos", endpoint: "http://127.0.0.1:9", ...KEYS, maxAttempts: 2 });
  const error = await errorOf(store.write("a", "x"));
  expect([error.code, error.outcome]).toEqual(["UNAVAILABLE", "not-applied"]);
  expect(error.message).toMatch(/cannot reach 127.0.0.1:9 \(ECONNREFUSED\): check the option "endpoint"/);
});
