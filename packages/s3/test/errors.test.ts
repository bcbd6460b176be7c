import { inspect } from "node:util";
import { wrapError } from "@omni/core";
import { annotate, classifyError, mayHaveApplied } from "../src/errors.ts";
import { scrub } from "../src/sdk-wire.ts";

const FACTS = { bucket: "photos", endpoint: "https://store.example", region: "us-east-1" };

/** An answer of the store, as the SDK throws it. */
function answer(name: string, status: number, message = "words of the store"): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

/** An error of Node's network layer. */
function network(code: string, more: object = {}): Error {
  return Object.assign(new Error(`connect ${code}`), { code, ...more });
}

test.each<[string, Error, string, RegExp | undefined]>([
  ["a missing object", answer("NoSuchKey", 404), "NOT_FOUND", undefined],
  ["a missing object, without words", answer("NotFound", 404), "NOT_FOUND", undefined],
  ["a missing upload", answer("NoSuchUpload", 404), "NOT_FOUND", undefined],
  [
    "a missing bucket",
    answer("NoSuchBucket", 404),
    "INVALID_ARGUMENT",
    /bucket "photos" does not exist at https:\/\/store.example: create it/,
  ],
  ["no permission", answer("AccessDenied", 403), "PERMISSION_DENIED", undefined],
  ["no permission, without words", answer("403", 403), "PERMISSION_DENIED", undefined],
  [
    "an unknown key",
    answer("InvalidAccessKeyId", 403),
    "UNAUTHENTICATED",
    /does not know the access key: check the options "accessKeyId"/,
  ],
  ["a wrong secret", answer("SignatureDoesNotMatch", 403), "UNAUTHENTICATED", /secret key is wrong.*check the options/],
  ["expired credentials", answer("ExpiredToken", 400), "UNAUTHENTICATED", /have expired/],
  [
    "no credentials",
    Object.assign(new Error("x"), { name: "CredentialsProviderError" }),
    "UNAUTHENTICATED",
    /no credentials were found: check/,
  ],
  ["a wrong clock", answer("RequestTimeTooSkewed", 403), "UNAUTHENTICATED", /set the clock/],
  ["a wrong region", answer("PermanentRedirect", 301), "INVALID_ARGUMENT", /set the options "region" and "endpoint"/],
  [
    "a region that the store names",
    annotate(answer("AuthorizationHeaderMalformed", 400), { bucketRegion: "eu-west-1" }),
    "INVALID_ARGUMENT",
    /is in the region "eu-west-1".*set the option "region" to "eu-west-1"/,
  ],
  ["a changed object", answer("PreconditionFailed", 412), "PRECONDITION_FAILED", undefined],
  ["two conditional writes that met", answer("ConditionalRequestConflict", 409), "UNAVAILABLE", /try again/],
  ["an archived object", answer("InvalidObjectState", 403), "UNAVAILABLE", /restore it first/],
  ["too large an object", answer("EntityTooLarge", 400), "TOO_LARGE", /words of the store/],
  ["too much metadata", answer("MetadataTooLarge", 400), "TOO_LARGE", /shorten it/],
  ["broken bytes", answer("BadDigest", 400), "CHECKSUM_MISMATCH", /words of the store/],
  [
    "a request that the store calls wrong",
    answer("InvalidRequest", 400),
    "INVALID_ARGUMENT",
    /the store says: words of the store \(InvalidRequest\)/,
  ],
  ["an operation that the store lacks", answer("NotImplemented", 501), "NOT_SUPPORTED", /words of the store/],
  ["throttling by code", answer("SlowDown", 503), "RATE_LIMITED", /lower the concurrency/],
  ["throttling by status", answer("UnknownError", 429), "RATE_LIMITED", /lower the concurrency/],
  ["a broken store", answer("InternalError", 500), "UNAVAILABLE", undefined],
  ["a gateway's words", answer("UnknownError", 502), "UNAVAILABLE", undefined],
  ["a slow client", answer("RequestTimeout", 400), "TIMEOUT", undefined],
  ["silence", Object.assign(new Error("socket idle"), { name: "TimeoutError" }), "TIMEOUT", undefined],
  [
    "nobody there",
    network("ECONNREFUSED", { address: "127.0.0.1", port: 9 }),
    "UNAVAILABLE",
    /cannot reach 127.0.0.1:9 \(ECONNREFUSED\): check the option "endpoint"/,
  ],
  [
    "nobody there on any address",
    Object.assign(new AggregateError([network("ECONNREFUSED", { address: "::1", port: 9 })]), { code: "ECONNREFUSED" }),
    "UNAVAILABLE",
    /cannot reach ::1:9/,
  ],
  ["no such host", network("ENOTFOUND", { hostname: "nowhere.example" }), "UNAVAILABLE", /cannot reach nowhere.example/],
  ["a reset", network("ECONNRESET"), "UNAVAILABLE", /the connection broke \(ECONNRESET\)/],
  ["a certificate of nobody's", network("DEPTH_ZERO_SELF_SIGNED_CERT"), "UNAVAILABLE", /not trusted.*NODE_EXTRA_CA_CERTS/],
])("%s", (_, error, code, reason) => {
  const found = classifyError(annotate(error, FACTS));
  expect(found?.code).toBe(code);
  if (reason) expect(found?.reason).toMatch(reason);
});

test("what is none of these is not classified", () => {
  expect(classifyError(new TypeError("a bug"))).toBeUndefined();
  expect(classifyError("text")).toBeUndefined();
  expect(classifyError(undefined)).toBeUndefined();
  expect(classifyError(answer("constructor", 200))).toBeUndefined();
});

test("the outcome goes along", () => {
  expect(classifyError(annotate(answer("InternalError", 500), { outcome: "unknown" }))?.outcome).toBe("unknown");
  expect(classifyError(annotate(new Error("odd"), { outcome: "not-applied" }))).toEqual({
    code: "UNKNOWN",
    outcome: "not-applied",
  });
});

test.each<[string, Error, boolean]>([
  ["refused by its status", answer("AccessDenied", 403), false],
  ["told to slow down", answer("SlowDown", 503), false],
  ["a gateway's 503", answer("UnknownError", 503), true],
  ["failed inside", answer("InternalError", 500), true],
  ["an error within a 200", answer("InternalError", 200), true],
  ["never connected", network("ECONNREFUSED"), false],
  ["no such host", network("ENOTFOUND"), false],
  ["cut off", network("ECONNRESET"), true],
  ["silence", Object.assign(new Error("idle"), { name: "TimeoutError" }), true],
  ["no credentials", Object.assign(new Error("x"), { name: "CredentialsProviderError" }), false],
])("%s: whether an attempt may have taken effect", (_, error, may) => {
  expect(mayHaveApplied(error)).toBe(may);
});

test("nothing of the signed request stays in an error, its text or its print", () => {
  const secret = "X-Amz-Signature=deadbeef";
  const error = Object.assign(answer("SignatureDoesNotMatch", 403, `refused https://h/b/k?X-Amz-Credential=AKIA&${secret}`), {
    StringToSign: secret,
    CanonicalRequest: secret,
    SignatureProvided: "deadbeef",
    AWSAccessKeyId: "AKIAEXAMPLE",
    $response: { headers: { authorization: secret } },
  });
  const wrapped = wrapError(annotate(scrub(error), FACTS), { backend: "s3", operation: "read", path: "k" }, classifyError);
  for (const text of [
    inspect(wrapped, { depth: 9, showHidden: true }),
    JSON.stringify(wrapped),
    wrapped.message,
    wrapped.stack ?? "",
    String(wrapped.cause),
    (wrapped.cause as Error).stack ?? "",
  ])
    expect(text).not.toMatch(/deadbeef|AKIAEXAMPLE|AKIA&/);
});
