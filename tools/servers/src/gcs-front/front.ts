/** The front itself: an HTTP server that passes everything on to fake-gcs-server and sees to what that one does not do. */
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type Conditions, conditionsOf, type ObjectState, refusal } from "./conditions.ts";
import { withoutNulls } from "./patches.ts";
import { rewriteStep } from "./rewrites.ts";
import { nextStep, receivedHeader, type Session } from "./sessions.ts";

/** Listens on 127.0.0.1:`port` before the server on 127.0.0.1:`target`. */
export async function startFront(port: number, target: number): Promise<Server> {
  const front = new Front(target);
  const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 600_000 }, (incoming, answer) => {
    front.serve(incoming, answer).catch((error: unknown) => {
      process.stderr.write(`${incoming.method} ${incoming.url}: ${error}\n`); // a client that hung up, or a server that was killed
      answer.destroy();
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const objectPath = /^(?:\/download)?\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/;
const composePath = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)\/compose$/;
const rewritePath = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)\/(?:rewriteTo|copyTo)\/b\/([^/]+)\/o\/([^/]+)$/;
const plainPath = /^\/([^/]+)\/(.+)$/;

interface State extends ObjectState {
  readonly size: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

interface Upstream {
  readonly message: IncomingMessage;
  readonly status: number;
}

class Front {
  readonly #target: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #sessions = new Map<string, Session>();
  /** Changes of objects take turns, so that nothing changes between a condition and what it guards. */
  #turn: Promise<void> = Promise.resolve();

  constructor(target: number) {
    this.#target = target;
  }

  async serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? "/", "http://front");
    const { pathname: path, searchParams: query } = url;
    const { method = "GET" } = incoming;
    const reading = method === "GET" || method === "HEAD";
    if (path.startsWith("/upload/")) return this.#upload(incoming, answer, query);
    const rewrite = method === "POST" ? rewritePath.exec(path) : null;
    if (rewrite) return this.#rewrite(incoming, answer, query, rewrite as unknown as RewriteMatch);
    const subject =
      objectPath.exec(path) ?? (method === "POST" ? composePath.exec(path) : null) ?? (reading ? plainPath.exec(path) : null);
    const conditions = subject ? conditionsOf(query, incoming.headers) : undefined;
    if (!subject || (reading && !conditions)) return this.#pass(incoming, answer);
    const body = await bodyOf(incoming);
    return this.#inTurn(async () => {
      const [, bucket, name] = subject as unknown as readonly [string, string, string];
      const status = conditions && (await this.#refuses(conditions, bucket, name, query, reading || method !== "POST"));
      if (status) return refuse(answer, status);
      const state = method === "PATCH" ? await this.#state(bucket, name, query.get("generation")) : undefined;
      const update = state && withoutNulls(body.toString("utf8"), state.metadata);
      const changed = update === undefined ? { method, body } : { method: "PUT", body: Buffer.from(update) };
      await this.#relay(await this.#send(incoming, incoming.url!, changed.body, changed.method), answer);
    });
  }

  /** The refusal of a condition; `absentPasses`: on an object that is not there the server's own 404 is the answer. */
  async #refuses(
    conditions: Conditions,
    bucket: string,
    name: string,
    query: URLSearchParams,
    absentPasses: boolean,
  ): Promise<304 | 412 | undefined> {
    const state = await this.#state(bucket, name, query.get("generation"));
    if (!state && absentPasses && conditions.generationMatch !== "0") return undefined;
    return refusal(conditions, state, query.get("alt") === "media");
  }

  async #state(bucket: string, name: string, generation: string | null): Promise<State | undefined> {
    const encoded = encodeURIComponent(decodeURIComponent(name));
    const suffix = generation === null ? "" : `?generation=${generation}`;
    const outgoing = request({
      port: this.#target,
      host: "127.0.0.1",
      agent: this.#agent,
      path: `/storage/v1/b/${bucket}/o/${encoded}${suffix}`,
    });
    outgoing.end();
    const [message] = (await once(outgoing, "response")) as [IncomingMessage];
    const text = (await bodyOf(message)).toString("utf8");
    return message.statusCode === 200 ? (JSON.parse(text) as State) : undefined;
  }

  async #rewrite(incoming: IncomingMessage, answer: ServerResponse, query: URLSearchParams, match: RewriteMatch): Promise<void> {
    const [, bucket, name, toBucket, toName] = match;
    const body = await bodyOf(incoming);
    return this.#inTurn(async () => {
      const source = await this.#state(bucket, name, query.get("sourceGeneration"));
      const sourceConditions = conditionsOf(query, {}, "Source");
      if (source && sourceConditions && refusal(sourceConditions, source, false)) return refuse(answer, 412);
      const conditions = conditionsOf(query);
      if (conditions && (await this.#refuses(conditions, toBucket, toName, new URLSearchParams(), false)))
        return refuse(answer, 412);
      const step = source
        ? rewriteStep(query, Number(source.size), [...match.slice(1), source.generation].join("/"))
        : ({ act: "forward" } as const);
      if (step.act === "refuse") return reply(answer, 400, errorBody(400, "invalid", step.message));
      if (step.act === "continue") return reply(answer, 200, JSON.stringify(step.answer));
      const path = new URL(incoming.url!, "http://front");
      for (const parameter of ["maxBytesRewrittenPerCall", "rewriteToken"]) path.searchParams.delete(parameter);
      await this.#relay(await this.#send(incoming, path.pathname + path.search, body), answer);
    });
  }

  async #upload(incoming: IncomingMessage, answer: ServerResponse, query: URLSearchParams): Promise<void> {
    const id = query.get("upload_id");
    const session = id === null ? undefined : this.#sessions.get(id);
    if (incoming.method === "PUT" && session) {
      const before = session.turn;
      const work = before.then(() => this.#chunk(incoming, answer, session));
      session.turn = work.catch(() => {}); // the next request of this session goes on from what was received
      return work;
    }
    const upstream = await this.#stream(incoming, incoming.headers, 0);
    const location = upstream.message.headers.location;
    const opened = location === undefined ? null : new URL(location).searchParams.get("upload_id");
    if (opened !== null) {
      const type = incoming.headers["x-upload-content-type"];
      this.#sessions.set(opened, {
        received: 0,
        turn: Promise.resolve(),
        ...(typeof type === "string" ? { contentType: type } : {}),
      });
    }
    await this.#relay(upstream, answer);
  }

  async #chunk(incoming: IncomingMessage, answer: ServerResponse, session: Session): Promise<void> {
    const step = nextStep(session, incoming.headers["content-range"]);
    if (step.act !== "forward") {
      await bodyOf(incoming);
      if (step.act === "report") return reply(answer, 308, "", receivedHeader(session));
      const { status, headers, body } = session.done!;
      return reply(answer, status, body, headers);
    }
    const { "content-type": _, ...headers } = incoming.headers; // the type was given when the session was opened
    if (session.contentType !== undefined) headers["content-type"] = session.contentType;
    if (step.range !== undefined) headers["content-range"] = step.range;
    if (step.skip > 0 && headers["content-length"])
      headers["content-length"] = String(Number(headers["content-length"]) - step.skip);
    const upstream = await this.#stream(incoming, headers, step.skip);
    const body = await bodyOf(upstream.message);
    const kept = Object.fromEntries(Object.entries(upstream.message.headers).filter(([name]) => !framing.has(name))) as Record<
      string,
      string
    >;
    if (upstream.status === 308 || kept["x-http-status-code-override"] === "308") {
      session.received = Number(/-(\d+)$/.exec(kept.range ?? "")?.[1] ?? session.received - 1) + 1;
      kept.range = `bytes=0-${session.received - 1}`;
    } else if (upstream.status < 300) {
      delete kept.range;
      session.done = { status: upstream.status, headers: kept, body };
    }
    reply(answer, upstream.status, body, kept);
  }

  /** Passes a body on as it comes, but its last piece only when it is this request's turn: then, and not before, the object changes. */
  async #stream(incoming: IncomingMessage, headers: IncomingMessage["headers"], skip: number): Promise<Upstream> {
    const outgoing = this.#open(incoming, incoming.url!, headers);
    const response = once(outgoing, "response") as Promise<[IncomingMessage]>;
    response.catch(() => {}); // awaited below
    let held: Buffer | undefined;
    let left = skip;
    try {
      for await (const piece of incoming as AsyncIterable<Buffer>) {
        const part = piece.subarray(Math.min(left, piece.length));
        left -= piece.length - part.length;
        if (part.length === 0) continue;
        if (held && !outgoing.write(held)) await Promise.race([once(outgoing, "drain"), response]);
        held = part;
      }
      if (!incoming.complete) throw new Error("the client hung up within its body");
    } catch (error) {
      outgoing.destroy();
      throw error;
    }
    return this.#inTurn(async () => {
      outgoing.end(held);
      const [message] = await response;
      return { message, status: message.statusCode! };
    });
  }

  async #pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    await this.#relay(await this.#send(incoming, incoming.url!, await bodyOf(incoming)), answer);
  }

  #open(incoming: IncomingMessage, path: string, headers: IncomingMessage["headers"], method = incoming.method ?? "GET") {
    return request({
      port: this.#target,
      host: "127.0.0.1",
      agent: this.#agent,
      method,
      path,
      headers,
      setHost: false,
    });
  }

  async #send(incoming: IncomingMessage, path: string, body: Buffer, method?: string): Promise<Upstream> {
    const { "transfer-encoding": _, ...headers } = incoming.headers;
    if (body.length > 0) headers["content-length"] = String(body.length);
    const outgoing = this.#open(incoming, path, headers, method);
    outgoing.end(body);
    const [message] = (await once(outgoing, "response")) as [IncomingMessage];
    return { message, status: message.statusCode! };
  }

  async #relay({ message, status }: Upstream, answer: ServerResponse): Promise<void> {
    answer.writeHead(status, message.rawHeaders);
    answer.once("close", () => message.destroy()); // a client that hangs up wants no more; no-op at the end
    message.once("error", (error) => answer.destroy(error));
    message.pipe(answer);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(act);
    this.#turn = result.then(
      () => {},
      () => {}, // whoever asked hears of it; the next in line goes on
    );
    return result;
  }
}

type RewriteMatch = readonly [string, string, string, string, string];

/** Headers that belong to one hop and not to the message. */
const framing = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

function reply(
  answer: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  const type = body.length > 0 ? { "content-type": "application/json; charset=UTF-8" } : {};
  answer.writeHead(status, { ...type, ...headers, "content-length": Buffer.byteLength(body) });
  answer.end(body);
}

function refuse(answer: ServerResponse, status: 304 | 412): void {
  if (status === 304) answer.writeHead(304).end();
  else reply(answer, 412, errorBody(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."));
}

function errorBody(code: number, reason: string, message: string): string {
  return JSON.stringify({ error: { code, message, errors: [{ domain: "global", reason, message }] } });
}
