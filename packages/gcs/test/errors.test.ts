import type { ErrorCode } from "@omni/core";
import { annotate, classifyError, GcsError, isTransient, mayHaveApplied, type RequestFacts } from "../src/errors.ts";

const FACTS: RequestFacts = {
  operation: "objects.get",
  bucket: "photos",
  endpoint: "https://storage.googleapis.com",
  anonymous: false,
};

function answer(status: number, reason?: string, message = "The store's words.", facts: RequestFacts = {}): Error {
  return annotate(new GcsError(message, { status, reason }), { ...FACTS, ...facts });
}

function broken(code: string, more: object = {}): Error {
  return annotate(Object.assign(new Error(`failed with ${code}`), { code, ...more }), FACTS);
}

const TABLE: readonly (readonly [what: string, error: Error, code: ErrorCode, remedy?: RegExp])[] = [
  ["a missing object", answer(404, "notFound", "No such object: photos/a"), "NOT_FOUND"],
  ["a missing bucket", answer(404, "bucketNotFound"), "INVALID_ARGUMENT", /bucket "photos" does not exist at https:.*create it/],
  ["a refused token", answer(401, "authError", "Invalid Credentials"), "UNAUTHENTICATED", /Invalid Credentials.*"credentialsFile"/],
  ["a token that is missing", answer(401, "required", "Login Required."), "UNAUTHENTICATED", /"credentials"/],
  ["a field that is missing", answer(400, "required", "Required parameter: name"), "INVALID_ARGUMENT", /Required parameter/],
  ["no credentials sent", answer(401, "required", "Login", { anonymous: true }), "UNAUTHENTICATED", /"anonymous" to false/],
  [
    "credentials that could not be had",
    new GcsError("no token was given: invalid_grant", { reason: "auth" }),
    "UNAUTHENTICATED",
    /invalid_grant.*GOOGLE_APPLICATION_CREDENTIALS/,
  ],
  [
    "credentials that cannot sign",
    new GcsError("these credentials have no key", { reason: "signing" }),
    "UNAUTHENTICATED",
    /service account/,
  ],
  [
    "a lack of permission",
    answer(403, "forbidden", "sa does not have storage.objects.get access"),
    "PERMISSION_DENIED",
    /storage\.objects\.get access.*role/,
  ],
  [
    "a bucket that is not public",
    answer(403, "forbidden", "Anonymous caller", { anonymous: true }),
    "PERMISSION_DENIED",
    /not public.*"anonymous"/,
  ],
  ["a retention policy", answer(403, "retentionPolicyNotMet"), "PERMISSION_DENIED", /keeps the object/],
  ["too many requests", answer(429, "rateLimitExceeded"), "RATE_LIMITED", /concurrency/],
  ["too many requests in another status", answer(403, "rateLimitExceeded"), "RATE_LIMITED", /concurrency/],
  ["too many requests, without words", answer(429), "RATE_LIMITED", /slow down/],
  ["a condition that does not hold", answer(412, "conditionNotMet"), "PRECONDITION_FAILED"],
  [
    "a checksum that does not match",
    answer(400, "invalid", 'Provided CRC32C "AAAAAA==" doesn\'t match calculated CRC32C'),
    "CHECKSUM_MISMATCH",
    /CRC32C/,
  ],
  ["a request that is wrong", answer(400, "invalid", "Invalid argument."), "INVALID_ARGUMENT", /the store says: Invalid argument/],
  ["a conflict", answer(409, "conflict"), "UNAVAILABLE", /try again/],
  ["an upload that is too large", answer(413, "uploadTooLarge"), "TOO_LARGE"],
  ["a timeout of the store", answer(408), "TIMEOUT"],
  ["an internal error", answer(500, "internalError"), "UNAVAILABLE"],
  ["an overload", answer(503, "backendError"), "UNAVAILABLE"],
  ["a bad gateway", answer(502), "UNAVAILABLE"],
  ["what the store does not do", answer(501), "NOT_SUPPORTED", /the store says/],
  ["a method that is not allowed", answer(405), "NOT_SUPPORTED"],
  [
    "an address that refuses",
    broken("ECONNREFUSED", { address: "10.0.0.1", port: 443 }),
    "UNAVAILABLE",
    /cannot reach 10\.0\.0\.1:443.*"apiEndpoint"/,
  ],
  ["a name that is unknown", broken("ENOTFOUND", { hostname: "storage.example" }), "UNAVAILABLE", /cannot reach storage\.example/],
  [
    "several addresses that refuse",
    broken("ECONNREFUSED", { errors: [{ code: "ECONNREFUSED", address: "::1", port: 80 }] }),
    "UNAVAILABLE",
    /::1:80/,
  ],
  ["no connection in time", broken("OMNI_CONNECT_TIMEOUT"), "UNAVAILABLE", /cannot reach https:\/\/storage/],
  ["a connection that broke", broken("ECONNRESET"), "UNAVAILABLE", /try again/],
  ["silence", broken("ETIMEDOUT"), "TIMEOUT", /did not answer/],
  ["a certificate that is not trusted", broken("SELF_SIGNED_CERT_IN_CHAIN"), "UNAVAILABLE", /NODE_EXTRA_CA_CERTS/],
];

const rows = TABLE.map(([what, error, code, remedy = /^/]) => ({ what, error, code, remedy }));

test.each(rows)("$what", ({ error, code, remedy }) => {
  const found = classifyError(error);
  expect(found?.code).toBe(code);
  expect(found?.reason ?? "").toMatch(remedy);
});

test("what is none of these is left to core, with its outcome", () => {
  expect(classifyError(new Error("something else"))).toBeUndefined();
  expect(classifyError("text")).toBeUndefined();
  expect(classifyError(annotate(new Error("else"), { outcome: "unknown" }))).toEqual({ code: "UNKNOWN", outcome: "unknown" });
});

test("a failure to get a token does not blame the endpoint", () => {
  const error = annotate(broken("ENOTFOUND", { hostname: "oauth2.googleapis.com" }), { operation: "token" });
  expect(classifyError(error)?.reason).toBe("cannot reach oauth2.googleapis.com (ENOTFOUND): check the network");
});

test("an outcome that is known is told", () => {
  expect(classifyError(annotate(answer(503), { outcome: "unknown" }))?.outcome).toBe("unknown");
  expect(classifyError(annotate(answer(403), { outcome: "not-applied" }))?.outcome).toBe("not-applied");
});

test.each([
  ["an answer of 500", answer(500), true],
  ["an answer of 503", answer(503), true],
  ["a broken connection", broken("ECONNRESET"), true],
  ["silence", broken("ETIMEDOUT"), true],
  ["a refused connection", broken("ECONNREFUSED"), false],
  ["no connection in time", broken("OMNI_CONNECT_TIMEOUT"), false],
  ["a certificate", broken("CERT_HAS_EXPIRED"), false],
  ["a refusal", answer(412), false],
  ["too many requests", answer(429), false],
  ["no token", new GcsError("none", { reason: "auth" }), false],
])("whether a request may have taken effect: %s", (_, error, expected) => {
  expect(mayHaveApplied(error)).toBe(expected);
});

test.each([
  ["408", answer(408), true],
  ["429", answer(429), true],
  ["500", answer(500), true],
  ["503", answer(503), true],
  ["a rate limit in a 403", answer(403, "rateLimitExceeded"), true],
  ["a broken connection", broken("EPIPE"), true],
  ["501", answer(501), false],
  ["403", answer(403, "forbidden"), false],
  ["412", answer(412), false],
  ["a certificate", broken("CERT_HAS_EXPIRED"), false],
  ["no token", new GcsError("none", { reason: "auth" }), false],
])("whether a request is sent again: %s", (_, error, expected) => {
  expect(isTransient(error)).toBe(expected);
});
