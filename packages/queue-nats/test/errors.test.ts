import { ApiError, classifyError } from "../src/errors.ts";

const client = (code: string, chainedError?: Error): Error =>
  Object.assign(new Error(code), { name: "NatsError", code, chainedError });
const api = (code: number, err_code: number, description = "as the server says it"): Error =>
  new ApiError({ code, err_code, description });

const table: readonly (readonly [what: string, error: unknown, code: string | undefined, reason?: RegExp])[] = [
  ["nobody listens", client("CONNECTION_REFUSED"), "UNAVAILABLE", /url.*NATS_URL/],
  ["no such host", Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }), "UNAVAILABLE", /url/],
  ["no answer to the connection", client("CONNECTION_TIMEOUT"), "UNAVAILABLE", /cannot connect/],
  [
    "a reason of Node's below the client's",
    client("UNKNOWN_ERROR", Object.assign(new Error("x"), { code: "ECONNREFUSED" })),
    "UNAVAILABLE",
  ],
  ["lost", client("DISCONNECT"), "UNAVAILABLE", /made again/],
  ["closed", client("CONNECTION_CLOSED"), "UNAVAILABLE"],
  ["draining", client("CONNECTION_DRAINING"), "UNAVAILABLE"],
  ["reset", Object.assign(new Error("read"), { code: "ECONNRESET" }), "UNAVAILABLE"],
  ["credentials", client("AUTHORIZATION_VIOLATION"), "UNAUTHENTICATED", /auth/],
  ["credentials that expired", client("AUTHENTICATION_EXPIRED"), "UNAUTHENTICATED", /expired/],
  ["an account that expired", client("ACCOUNT_EXPIRED"), "UNAUTHENTICATED"],
  ["a creds file that is none", client("BAD_CREDS"), "UNAUTHENTICATED", /credsFile/],
  ["permissions", client("PERMISSIONS_VIOLATION"), "PERMISSION_DENIED"],
  ["a payload beyond max_payload", client("MAX_PAYLOAD_EXCEEDED"), "TOO_LARGE", /max_payload/],
  ["a deadline", client("TIMEOUT"), "TIMEOUT"],
  ["nobody answers on a subject", client("503"), "NOT_FOUND", /no stream covers the topic/],
  ["TLS", client("TLS"), "UNAVAILABLE", /option `tls`/],
  [
    "a certificate",
    Object.assign(new Error("self-signed"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }),
    "UNAVAILABLE",
    /ca, cert, key/,
  ],
  ["something that speaks no NATS", client("NATS_PROTOCOL_ERR"), "UNAVAILABLE", /option `url`/],
  ["TLS that the server has not", client("SERVER_OPT_NA"), "NOT_SUPPORTED"],
  ["a bad subject", client("BAD_SUBJECT"), "INVALID_ARGUMENT"],
  ["a missing file", Object.assign(new Error("open"), { code: "ENOENT" }), "INVALID_ARGUMENT", /auth or tls/],
  ["no such stream", api(404, 10059), "NOT_FOUND", /createStream/],
  ["no such consumer", api(404, 10014), "NOT_FOUND", /as the server says it/],
  ["JetStream off", api(503, 10076), "NOT_SUPPORTED", /nats-server -js/],
  ["JetStream off for the account", api(503, 10039), "NOT_SUPPORTED", /account/],
  ["a full stream", api(503, 10077), "QUEUE_FULL", /limits/],
  ["no space left for the account", api(500, 10047), "QUEUE_FULL"],
  ["no memory left", api(500, 10028), "QUEUE_FULL"],
  ["too many consumers", api(400, 10026), "QUEUE_FULL", /max_consumers/],
  ["a message beyond max_msg_size", api(400, 10054), "TOO_LARGE", /max_msg_size/],
  ["subjects of another stream", api(400, 10065), "INVALID_ARGUMENT", /another stream/],
  ["replicas without a cluster", api(500, 10074), "INVALID_ARGUMENT", /replicas/],
  ["an election", api(503, 10008), "UNAVAILABLE", /leader/],
  ["a stream that exists", api(400, 10058), "ALREADY_EXISTS"],
  ["a consumer that exists", api(400, 10148), "ALREADY_EXISTS"],
  ["an unknown error with status 400", api(400, 1), "INVALID_ARGUMENT", /as the server says it/],
  ["an unknown error with status 503", api(503, 1), "UNAVAILABLE"],
  ["an unknown error without a status", api(0, 1), "UNKNOWN", /as the server says it/],
  ["an error of nobody", new Error("?"), undefined],
  ["no error at all", "text", undefined],
  ["a name of Object.prototype", { code: "toString" }, undefined],
];

for (const [what, error, code, reason = /(?:)/] of table) {
  test(what, () => {
    const found = classifyError(error);
    expect(typeof found === "object" ? found.code : found).toBe(code);
    expect(typeof found === "object" ? found.reason : "").toMatch(reason);
  });
}

test("only what may pass by itself is to be retried", () => {
  for (const code of ["TLS", "NATS_PROTOCOL_ERR", "CERT_HAS_EXPIRED"])
    expect(classifyError(client(code))).toMatchObject({ retryable: false });
  expect(classifyError(api(503, 10077))).toMatchObject({ retryable: true });
});
