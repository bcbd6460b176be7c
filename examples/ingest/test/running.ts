// Services for the tests, on free ports, ended after each test.
import { once } from "node:events";
import { type AllOptions, type AllServices, startAll } from "../src/all.ts";
import type { Problem } from "../src/problems.ts";
import { createLogger, type Service } from "../src/service.ts";

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Ends it after the test. */
export function ending<T extends { close(options?: { readonly drainMs?: number }): Promise<unknown> }>(what: T): T {
  ends.push(() => what.close({ drainMs: 5_000 }));
  return what;
}

export const FREE = { gateway: 0, ingest: 0, processor: 0 } as const;

export async function running(options: AllOptions = {}): Promise<AllServices> {
  return ending(await startAll({ env: {}, ports: FREE, ...options }));
}

/** A logger, and the lines that were written to it. */
export function recorder(): {
  readonly logger: ReturnType<typeof createLogger>;
  readonly lines: Readonly<Record<string, unknown>>[];
} {
  const lines: Readonly<Record<string, unknown>>[] = [];
  return { lines, logger: createLogger("info", { write: (line) => void lines.push(JSON.parse(line)) }) };
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly retryAfter: string | undefined;
  readonly body: Partial<Omit<Problem, "status">> & { readonly status?: unknown };
}

/** Posts to a service within this process. */
export async function post(
  service: Service,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const answer = await service.app.inject({
    method: "POST",
    url: path,
    headers: { "content-type": "application/json", ...headers },
    payload: typeof body === "string" ? body : JSON.stringify(body),
  });
  return {
    status: answer.statusCode,
    type: String(answer.headers["content-type"]),
    retryAfter: answer.headers["retry-after"] as string | undefined,
    body: answer.json(),
  };
}

/** Every metric that a service declares, with the sum of its samples: of histograms the count. */
export async function metricsOf(service: Service): Promise<ReadonlyMap<string, number>> {
  const text = (await service.app.inject("/metrics")).body;
  const sums = new Map([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => [name as string, 0]));
  for (const [, name = "", value] of text.matchAll(/^([a-z_]+)(?:\{[^}]*\})? (\S+)$/gm)) {
    const declared = sums.has(name) ? name : name.replace(/_count$/, "");
    if (sums.has(declared)) sums.set(declared, (sums.get(declared) ?? 0) + Number(value));
  }
  return sums;
}

/** Asks again until the answer is the one that is waited for; the test's own time ends it. */
export async function until<T>(ask: () => Promise<T>, isIt: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Something that a handler is told of, to be awaited. */
export class Bell extends EventTarget {
  readonly rung: string[] = [];

  ring(what: string): void {
    this.rung.push(what);
    this.dispatchEvent(new Event("ring"));
  }

  /** Resolves when it has rung so often in all. */
  async times(count: number): Promise<readonly string[]> {
    while (this.rung.length < count) await once(this, "ring");
    return this.rung;
  }
}
