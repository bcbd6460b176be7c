// What the three services share: a Fastify server that says how it is, counts its requests and answers errors as problems.
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { type Logger as Pino, pino } from "pino";
import { Counter, Histogram, Registry } from "prom-client";
import type { ServiceName } from "./environment.ts";
import { answerProblems } from "./problems.ts";

export interface ServiceOptions {
  /** 0 = a free one. @default 8080 gateway, 8081 ingest, 8082 processor */
  readonly port?: number | undefined;
  /** @default "127.0.0.1" */
  readonly host?: string | undefined;
  /** Longer bodies are answered with 413. @default 1_048_576 */
  readonly bodyLimitBytes?: number | undefined;
  /** Milliseconds that the end may take. @default 25_000 */
  readonly drainMs?: number | undefined;
  /** @default one that is silent */
  readonly logger?: Pino | undefined;
}

/** A service that listens. */
export interface Service {
  readonly name: ServiceName;
  /** Where it listens: http://127.0.0.1:8080. */
  readonly url: string;
  readonly address: AddressInfo;
  /** The server, for `inject`. */
  readonly app: FastifyInstance;
  /** Takes no new requests, ends those under way, then drains what is behind. */
  close(options?: { readonly drainMs?: number | undefined }): Promise<void>;
}

/** A service while it is put together. */
export interface Frame {
  readonly app: FastifyInstance;
  readonly logger: Pino;
  readonly metrics: Registry;
}

const LOOK_MS = 20;

export function createLogger(level = "info", destination?: { write(line: string): void }): Pino {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  // Synchronous: the process ends by a signal, and what waits in a buffer then is lost.
  return pino(options, destination ?? pino.destination({ dest: 1, sync: true }));
}

export function createFrame(name: ServiceName, options: ServiceOptions): Frame {
  const logger = (options.logger ?? createLogger("silent")).child({ service: name });
  const app = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes ?? 1_048_576,
    // What came while the connection was open is answered; the next one gets a closed port.
    return503OnClosing: false,
    // A body is taken as it is, or refused: nothing is dropped from it or turned into something else.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allowUnionTypes: true } },
  });
  const metrics = new Registry();
  metrics.setDefaultLabels({ service: name });
  answerProblems(app);
  countRequests(app, metrics);
  app.get("/health", () => ({ status: "up", service: name }));
  app.get("/metrics", async (_, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  return { app, logger, metrics };
}

function countRequests(app: FastifyInstance, metrics: Registry): void {
  const labelNames = ["method", "route", "status"] as const;
  const registers = [metrics];
  const requests = new Counter({ name: "http_requests_total", help: "Requests answered", labelNames, registers });
  const seconds = new Histogram({ name: "http_request_seconds", help: "Time until the answer", labelNames, registers });
  app.addHook("onResponse", (request, reply, done) => {
    // Not the path: who asks for what is not there must not make a new series each time.
    const labels = { method: request.method, route: request.routeOptions.url ?? "none", status: reply.statusCode };
    requests.inc(labels);
    seconds.observe(labels, reply.elapsedTime / 1000);
    const line = { ...labels, ms: Math.round(reply.elapsedTime) };
    if (reply.statusCode >= 500) request.log.warn(line, "answered");
    else request.log.debug(line, "answered");
    done();
  });
}

/** Listens; `drain` is what is done when no request is under way any more. */
export async function listen(
  name: ServiceName,
  frame: Frame,
  options: ServiceOptions & { readonly port: number },
  drain: (drainMs: number) => Promise<void> = async () => {},
): Promise<Service> {
  const { app, logger } = frame;
  const openRequests = countOpen(app);
  await app.listen({ port: options.port, host: options.host ?? "127.0.0.1" });
  const address = app.server.address() as AddressInfo;
  const url = `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
  logger.info({ url }, "listening");
  let closing: Promise<void> | undefined;
  const end = async (drainMs: number): Promise<void> => {
    const deadline = performance.now() + drainMs;
    logger.info({ drainMs }, "draining");
    await Promise.race([app.close(), cutOff(app, openRequests, drainMs)]);
    await drain(Math.max(1, Math.round(deadline - performance.now())));
    logger.info("closed");
  };
  return {
    name,
    url,
    address,
    app,
    close: ({ drainMs = options.drainMs ?? 25_000 } = {}) => {
      closing ??= end(drainMs);
      return closing;
    },
  };
}

/**
 * Cuts the connections when no request is under way any more, or the time is over: one that was opened and never used, as clients keep them ready,
 * would hold the server for its whole time.
 */
async function cutOff(app: FastifyInstance, openRequests: () => number, drainMs: number): Promise<void> {
  const deadline = performance.now() + drainMs;
  do await wait(LOOK_MS, undefined, { ref: false });
  while (openRequests() > 0 && performance.now() < deadline);
  app.server.closeAllConnections();
}

/** Counts the requests that are not answered yet. */
function countOpen(app: FastifyInstance): () => number {
  let open = 0;
  app.server.on("request", (_, response) => {
    open += 1;
    response.once("close", () => {
      open -= 1;
    });
  });
  return () => open;
}
