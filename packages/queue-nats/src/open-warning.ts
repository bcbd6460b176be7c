/** Milliseconds between two looks at whether the process lives for its connections alone. */
const LOOK_MS = 3_000;

/** What may be active in a process that waits for nothing: the connections, their pings, and streams to the terminal. */
const IDLE_KINDS = new Set(["TCPSocketWrap", "TLSWrap", "Timeout", "PipeWrap", "TTYWrap"]);

/** Connections of this process. */
let connections = 0;

/**
 * Says, once, that a queue was left open: when nothing was done for a while and nothing but connections like this one keeps the process alive, its program has
 * ended and forgot `close()`. An open server, file or child process means that the program still does something.
 */
export class OpenWarning {
  readonly #timer: NodeJS.Timeout;
  readonly #where: string;
  readonly #activity: () => number | "busy";
  #before: number | "busy" = "busy";

  /** @param activity a number that grows with each thing done, or that something is under way */
  constructor(where: string, activity: () => number | "busy") {
    this.#where = where;
    this.#activity = activity;
    connections += 1;
    // It must not be what keeps the process alive.
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    connections -= 1;
  }

  #look(): void {
    const activity = this.#activity();
    const isIdle = activity !== "busy" && activity === this.#before;
    this.#before = activity;
    if (!isIdle || !isAlone()) return;
    clearInterval(this.#timer);
    const what = `a NATS queue (${this.#where}) is open and nothing else is left to do: the process waits for ever; call close() on the queue when it is done`;
    process.emitWarning(what, { type: "OmniWarning", code: "OMNI_QUEUE_OPEN" });
  }
}

/** Whether nothing but the connections, each with one timer for its pings, keeps the process alive. */
function isAlone(): boolean {
  const active = process.getActiveResourcesInfo();
  const sockets = active.filter((kind) => kind === "TCPSocketWrap" || kind === "TLSWrap").length;
  const timers = active.filter((kind) => kind === "Timeout").length;
  return sockets <= connections && timers <= connections && active.every((kind) => IDLE_KINDS.has(kind));
}
