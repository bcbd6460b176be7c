import type { Agent, IncomingMessage } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import { nodeCrypto, nodeHttp } from "./builtins.ts";
import { classifyError, codeOf, mayHaveApplied, statusOf } from "./errors.ts";
import { encodeKey } from "./keys.ts";
import { bytesOf, errorIn, exchange, type LeanRequest } from "./lean-http.ts";
import { headOf, LEAN_METHODS, type LeanHead, outputOf } from "./lean-operations.ts";
import { listPage } from "./list-page.ts";
import { RequestSigner } from "./request-signer.ts";
import { explain, type SdkWire, type Site } from "./sdk-wire.ts";
import type { S3Settings } from "./settings.ts";
import type { Input, OperationName, Output, Send } from "./wire.ts";

/** Sends the frequent operations itself and hands the others on. */
export interface LeanWire {
  readonly send: Send;
  close(): void;
}

/**
 * The operations about single objects and listings, by Node's HTTP client, a signer that keeps its key, and one pass over a page: a fraction of the SDK's CPU time.
 *
 * The first request goes through the SDK, which knows every rule about addresses; where it went is remembered. A client or configuration of the
 * caller's, and fields or answers that are out of the ordinary, stay with the SDK.
 */
export function leanWire(settings: S3Settings, wire: SdkWire): LeanWire {
  const lane = new LeanLane(settings, wire);
  if (settings.client !== undefined || settings.clientConfig !== undefined) return { send: wire.send, close: () => {} };
  const send = async <N extends OperationName>(
    name: N,
    input: Input<N>,
    signal?: AbortSignal,
    last?: AbortSignal,
  ): Promise<Output<N>> => {
    const method = LEAN_METHODS[name];
    const site = method === undefined ? undefined : wire.site();
    const head = site && headOf(name, input as Readonly<Record<string, unknown>>);
    if (method === undefined || site === undefined || head === undefined) return wire.send(name, input, signal, last);
    signal?.throwIfAborted();
    return (await lane.send(name, { method, site, head, input: input as unknown as LeanInput }, signal)) as Output<N>;
  };
  return { send, close: () => lane.close() };
}

interface LeanInput {
  /** Absent where the bucket is asked. */
  readonly Key?: string;
  readonly Body?: Uint8Array | undefined;
}

interface LeanCall {
  readonly method: string;
  readonly site: Site;
  readonly head: LeanHead;
  readonly input: LeanInput;
}

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const RETRYABLE = new Set(["RATE_LIMITED", "UNAVAILABLE", "TIMEOUT"]);
const BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 5_000;

class LeanLane {
  readonly #settings: S3Settings;
  readonly #wire: SdkWire;
  readonly #agents = new Map<string, Agent>();
  #client: S3Client | undefined;
  #signer: RequestSigner | undefined;

  constructor(settings: S3Settings, wire: SdkWire) {
    this.#settings = settings;
    this.#wire = wire;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async send(name: OperationName, call: LeanCall, signal: AbortSignal | undefined): Promise<unknown> {
    let inDoubt = false;
    for (let attempt = 1; ; attempt++) {
      try {
        const output = await this.#once(name, call, signal);
        // A page that is out of the ordinary is read by a whole parser.
        return output ?? this.#wire.send(name, call.input as never, signal);
      } catch (error) {
        inDoubt ||= mayHaveApplied(error);
        // The SDK corrects its clock by such an answer, and follows it for later requests of both.
        if (codeOf(error) === "RequestTimeTooSkewed") return this.#wire.send(name, call.input as never, signal);
        if (signal?.aborted || attempt === this.#settings.maxAttempts || !isWorthAnother(error))
          throw explain(this.#settings, name, error, signal, inDoubt ? "unknown" : "not-applied");
        await pause(waitBefore(attempt, error), undefined, signal ? { signal } : {}).catch(() => {
          // The abort is found by the next attempt.
        });
      }
    }
  }

  async #once(name: OperationName, call: LeanCall, signal: AbortSignal | undefined): Promise<unknown> {
    signal?.throwIfAborted();
    const request = await this.#signed(call);
    signal?.throwIfAborted();
    const answer = await exchange(this.#agent(call.site.protocol), request, this.#settings, signal);
    const status = answer.statusCode ?? 0;
    if (status < 200 || status >= 300) throw await errorIn(answer);
    if (name === "ListObjectsV2") return listPage(await bytesOf(answer));
    if (name !== "GetObject") discard(answer);
    return outputOf(name, answer);
  }

  async #signed({ method, site, head, input }: LeanCall): Promise<LeanRequest> {
    const { protocol, hostname, port, base } = site;
    const path = `${base}/${encodeKey(input.Key ?? "")}`;
    const { query } = head;
    const body = input.Body;
    const all: Record<string, string> = {
      ...head.headers,
      host: port === undefined ? hostname : `${hostname}:${port}`,
      "x-amz-content-sha256": body === undefined ? EMPTY_SHA256 : nodeCrypto().hash("sha256", body),
      ...(body === undefined ? {} : { "content-length": String(body.byteLength) }),
    };
    this.#client ??= await this.#wire.client();
    const { config } = this.#client;
    this.#signer ??= new RequestSigner(site.region, () => config.credentials());
    const signed = await this.#signer.sign({ method, path, query, headers: all }, Date.now() + config.systemClockOffset);
    return { method, protocol, hostname, port, path: query === "" ? path : `${path}?${query}`, headers: signed, body };
  }

  #agent(protocol: string): Agent {
    let agent = this.#agents.get(protocol);
    if (agent === undefined) {
      const options = { keepAlive: true, maxSockets: this.#settings.maxSockets, scheduling: "lifo" as const };
      agent = new (nodeHttp(protocol).Agent)(options);
      this.#agents.set(protocol, agent);
    }
    return agent;
  }
}

// The head says everything; the connection is free again when the rest was taken.
function discard(answer: IncomingMessage): void {
  answer.on("error", () => {
    // The head had come: what it says holds.
  });
  answer.resume();
}

function isWorthAnother(error: unknown): boolean {
  const known = classifyError(error);
  return known !== undefined && RETRYABLE.has(known.code) && known.retryable !== false && statusOf(error) !== 409;
}

function waitBefore(attempt: number, error: unknown): number {
  const asked = Number((error as { retryAfter?: string }).retryAfter) * 1000;
  return Math.min(MOST_BACKOFF_MS, asked > 0 ? asked : Math.random() * BACKOFF_MS * 2 ** attempt);
}
