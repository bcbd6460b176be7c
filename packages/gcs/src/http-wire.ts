import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { backoffMs, delay, OmniError } from "@omni/core";
import type { Account } from "./account.ts";
import {
  annotate,
  classifyError,
  factsOf,
  GcsError,
  isTransient,
  mayHaveApplied,
  type RequestFacts,
  retryAfterOf,
} from "./errors.ts";
import type { GcsSettings } from "./settings.ts";
import type { Answer, OpenAnswer, Wire, WireRequest } from "./wire.ts";

/** Most of an answer that is no object's body, in bytes: a page of 1,000 objects with full metadata is below it. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_WAIT_MS = 30_000;

/**
 * Requests by node:http with the SDK's credentials. The SDK's own request path takes no signal, repeats requests without saying whether one of them
 * may have taken effect, and unpacks gzip on the way: https://github.com/googleapis/nodejs-storage
 */
export function httpWire(settings: GcsSettings, account: Account): Wire {
  const isSecure = settings.endpoint.startsWith("https:");
  const agentOptions = { keepAlive: true, maxSockets: settings.maxSockets, scheduling: "lifo" as const };
  const makeAgent = (): HttpAgent => (isSecure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions));
  // Bodies that their readers leave standing keep their connections: they do not hold up the other requests.
  const agents = { bodies: makeAgent(), answers: makeAgent() };
  const base = new URL(settings.endpoint);
  const root = base.pathname.replace(/\/$/, "");

  const attempt = async (request: WireRequest, agent: HttpAgent, signal: AbortSignal | undefined): Promise<IncomingMessage> => {
    let headers: Readonly<Record<string, string>>;
    try {
      headers = await untilAborted(account.headers(), signal);
    } catch (error) {
      throw signal?.aborted ? error : annotate(error, { operation: "token" });
    }
    const { body = [] } = request;
    const length = body.reduce((bytes, part) => bytes + part.byteLength, 0);
    const options = {
      protocol: base.protocol,
      hostname: base.hostname.replace(/^\[|\]$/g, ""),
      port: base.port,
      agent,
      method: request.method,
      path: root + request.path + queryOf(request.query),
      headers: { ...headers, ...request.headers, ...(request.method === "GET" ? {} : { "content-length": length }) },
    };
    return exchange(isSecure ? requestHttps(options) : requestHttp(options), body, settings, signal);
  };

  const run = async <T>(
    request: WireRequest,
    agent: HttpAgent,
    signal: AbortSignal | undefined,
    take: (message: IncomingMessage) => Promise<T>,
  ): Promise<T> => {
    let inDoubt = false;
    for (let tries = 1; ; tries++) {
      if (signal?.aborted) throw stopped(request, signal.reason, inDoubt);
      try {
        const message = await attempt(request, agent, signal);
        if (isAccepted(message, request)) return await take(message);
        throw await errorOf(message);
      } catch (error) {
        inDoubt ||= request.effect !== "reads" && mayHaveApplied(error);
        if (signal?.aborted) throw stopped(request, signal.reason, inDoubt);
        annotate(error, { ...requestFacts(request, settings), ...factsOf(error), ...outcomeOf(request, inDoubt) });
        const isOver = tries >= settings.maxAttempts || !isTransient(error) || (inDoubt && request.effect === "single");
        if (isOver) throw error;
        await pause(waitMs(error, tries), signal);
      }
    }
  };

  return {
    send: (request, signal) =>
      run(request, agents.answers, signal, async (message): Promise<Answer> => {
        const text = await textOf(message);
        return { status: message.statusCode ?? 0, headers: message.headers, text };
      }),
    open: (request, signal) =>
      run(request, agents.bodies, signal, async (body): Promise<OpenAnswer> => {
        // From here on the reader decides how fast it goes; how long it may stand still is core's to watch.
        body.socket.setTimeout(0);
        return { status: body.statusCode ?? 0, headers: body.headers, body };
      }),
    close: () => {
      agents.bodies.destroy();
      agents.answers.destroy();
    },
  };
}

function requestFacts({ operation }: WireRequest, { bucket, endpoint, anonymous }: GcsSettings): RequestFacts {
  return { operation, bucket, endpoint, anonymous };
}

// An object takes about one change a second: https://cloud.google.com/storage/quotas#objects
function waitMs(error: unknown, tries: number): number {
  const isThrottled = classifyError(error)?.code === "RATE_LIMITED";
  return Math.min(MAX_WAIT_MS, retryAfterOf(error) ?? backoffMs(tries, { baseMs: isThrottled ? 500 : 100 }));
}

// The loop above looks at the signal itself: it knows what is to be said of the request.
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

/** A request stopped by a time limit says what is known of its effect; any other reason is the caller's own. */
function stopped(request: WireRequest, reason: unknown, inDoubt: boolean): unknown {
  if (!OmniError.is(reason, "TIMEOUT") || request.effect === "reads") return reason;
  return new OmniError("TIMEOUT", { reason: reason.reason, ...outcomeOf(request, inDoubt), cause: reason });
}

function outcomeOf({ effect }: WireRequest, inDoubt: boolean): RequestFacts {
  return effect === "reads" ? {} : { outcome: inDoubt ? "unknown" : "not-applied" };
}

function isAccepted({ statusCode = 0 }: IncomingMessage, { accepts = [] }: WireRequest): boolean {
  return (statusCode >= 200 && statusCode < 300) || accepts.includes(statusCode);
}

function queryOf(query: WireRequest["query"]): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? "" : `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}

/** One request and the head of its answer. */
function exchange(
  outgoing: ReturnType<typeof requestHttp>,
  body: readonly Uint8Array[],
  { connectTimeoutMs, socketTimeoutMs }: GcsSettings,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const stop = (): void => void outgoing.destroy(new Error("aborted"));
    let connecting: NodeJS.Timeout | undefined;
    let answered = false;
    signal?.addEventListener("abort", stop, { once: true });
    outgoing.once("close", () => {
      clearTimeout(connecting);
      signal?.removeEventListener("abort", stop);
      if (!answered) reject(failure("ECONNRESET", "the connection was closed"));
    });
    // Stays for what comes after the answer: then it is the answer's body that fails.
    outgoing.on("error", reject);
    outgoing.once("response", (message) => {
      answered = true;
      resolve(message);
    });
    outgoing.once("socket", (socket) => {
      if (!socket.connecting) return;
      connecting = setTimeout(
        () => void outgoing.destroy(failure("OMNI_CONNECT_TIMEOUT", `no connection within ${connectTimeoutMs} ms`)),
        connectTimeoutMs,
      );
      socket.once("connect", () => clearTimeout(connecting));
    });
    outgoing.setTimeout(socketTimeoutMs, () => outgoing.destroy(failure("ETIMEDOUT", `no byte within ${socketTimeoutMs} ms`)));
    for (const part of body) outgoing.write(part);
    outgoing.end();
  });
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

async function textOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    bytes += part.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new GcsError(`an answer of more than ${MAX_ANSWER_BYTES} bytes`, {});
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

interface ErrorBody {
  readonly error?: { readonly message?: unknown; readonly errors?: readonly { readonly reason?: unknown }[] } | string;
}

async function errorOf(message: IncomingMessage): Promise<Error> {
  const status = message.statusCode ?? 0;
  const { words, reason } = wordsOf(await textOf(message));
  // https://cloud.google.com/storage/docs/json_api/v1/status-codes#404-not-found
  const isBucket = status === 404 && /\bbucket does not exist\b/i.test(words);
  return new GcsError(words || `HTTP ${status}`, {
    status,
    reason: isBucket ? "bucketNotFound" : reason,
    retryAfterMs: retryAfterMs(message.headers),
  });
}

function wordsOf(text: string): { readonly words: string; readonly reason?: string | undefined } {
  if (!text.startsWith("{")) return { words: text.startsWith("<") ? "" : withoutQueries(text.slice(0, 500).trim()) };
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    if (typeof error !== "object") return { words: withoutQueries(error ?? "") };
    const reason = error.errors?.[0]?.reason;
    return {
      words: typeof error.message === "string" ? withoutQueries(error.message) : "",
      reason: typeof reason === "string" ? reason : undefined,
    };
  } catch (error) {
    if (error instanceof SyntaxError) return { words: "" };
    throw error;
  }
}

// An answer may repeat the request: https://cloud.google.com/storage/docs/access-control/signed-urls
function withoutQueries(text: string): string {
  return text.replace(/\?[^\s"']*/g, "?…").replace(/\bBearer \S+/g, "Bearer …");
}

function retryAfterMs({ "retry-after": text }: IncomingHttpHeaders): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  const ms = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** Waits for work, or for the signal: then the work goes on unwatched. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      work.catch(() => {
        // Nobody waits for it any more.
      });
      reject(signal.reason);
      return;
    }
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
