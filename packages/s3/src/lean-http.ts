import type { Agent, IncomingMessage } from "node:http";
import { nodeHttp } from "./builtins.ts";
import { annotate, asksToSlowDown } from "./errors.ts";

/** One request that is ready to go out. */
export interface LeanRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  /** Path and query, encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** How long a request may be silent. */
export interface Patience {
  readonly connectTimeoutMs: number;
  readonly socketTimeoutMs: number;
}

/** Sends one request; resolves with the head of the answer. The signal and the patience go on to count for its body. */
export function exchange(
  agent: Agent,
  request: LeanRequest,
  patience: Patience,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method, hostname, port, path, headers, body } = request;
    const sent = nodeHttp(request.protocol).request(
      { agent, method, host: hostname, port, path, headers, timeout: patience.socketTimeoutMs },
      resolve,
    );
    sent.on("error", reject);
    sent.on("timeout", () => sent.destroy(silence(patience.socketTimeoutMs)));
    sent.on("socket", (socket) => {
      if (!socket.connecting) return;
      const timer = setTimeout(() => sent.destroy(silence(patience.connectTimeoutMs)), patience.connectTimeoutMs);
      for (const event of ["connect", "close"]) socket.once(event, () => clearTimeout(timer));
    });
    if (signal) {
      const stop = (): void => void sent.destroy(new Error("the request was aborted"));
      const release = (): void => signal.removeEventListener("abort", stop);
      signal.addEventListener("abort", stop, { once: true });
      sent.once("close", release);
      // The bytes of an object are still to come; of other answers the head is all.
      sent.once("response", (answer) => (method === "GET" ? answer.once("end", release) : release()));
    }
    sent.end(body);
  });
}

function silence(ms: number): Error {
  return Object.assign(new Error(`nothing came for ${ms} ms`), { name: "TimeoutError" });
}

/** The whole body of an answer. @throws Error when the connection ends before it does */
export function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    answer.on("data", (piece: Buffer) => pieces.push(piece));
    answer.once("end", () => resolve(Buffer.concat(pieces)));
    answer.once("error", reject);
  });
}

// An error is a few hundred bytes; what is longer is no error of S3.
const ERROR_BYTES = 64 * 1024;

/** The error in an answer, in the shape of the SDK's. */
export async function errorIn(answer: IncomingMessage): Promise<Error> {
  let text = "";
  answer.setEncoding("utf8");
  for await (const piece of answer) if (text.length < ERROR_BYTES) text += piece as string;
  const field = (name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  const error = new Error(decodeEntities(field("Message") ?? "UnknownError"));
  const region = answer.headers["x-amz-bucket-region"] ?? field("Region");
  const retryAfter = answer.headers["retry-after"];
  if (asksToSlowDown(answer.statusMessage, retryAfter)) annotate(error, { slowDown: true });
  return Object.assign(error, {
    name: field("Code") ?? (answer.statusCode === 404 ? "NotFound" : "UnknownError"),
    $metadata: { httpStatusCode: answer.statusCode },
    ...(region === undefined ? {} : { Region: region }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decodeEntities(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => ENTITIES[name] as string);
}
