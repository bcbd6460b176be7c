// Requests at a server, made by a process of its own: what it costs is nobody's figure.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What the process is told. */
export type LoadOrder = {
  readonly url: string;
  readonly requests: number;
  readonly connections: number;
  readonly body: string;
  /** Requests a second, at even intervals; null: as fast as they are answered. */
  readonly perSecond: number | null;
};

/** What it found. */
export type LoadReport = { readonly accepted: number; readonly others: number; readonly p50Ms: number; readonly p95Ms: number };

/** A load generator that lives for all rounds. */
export class HttpLoad {
  readonly #child: ChildProcess;

  constructor() {
    const file = fileURLToPath(new URL("./http-load-process.ts", import.meta.url));
    this.#child = fork(file, { execArgv: ["--experimental-strip-types", "--disable-warning=ExperimentalWarning"] });
  }

  /** Posts so many times; resolves when all have been answered. */
  async run(order: LoadOrder): Promise<LoadReport> {
    this.#child.send(order);
    const [report] = (await once(this.#child, "message")) as [LoadReport | { readonly error: string }];
    if ("error" in report) throw new Error(report.error);
    return report;
  }

  close(): void {
    this.#child.disconnect();
  }
}
