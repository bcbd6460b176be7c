import type { Backend } from "../backend.ts";
import { collect } from "../body.ts";
import { invalidArgument } from "../call-options.ts";
import { type Clock, delay, systemClock } from "../clock.ts";
import type { DriverBody, DriverRead } from "../driver.ts";
import { OmniError } from "../error.ts";
import { extend } from "../extend.ts";
import { cutAt, distort, type Strike } from "./distortion.ts";
import { type DriverCall, intercept } from "./driver-calls.ts";
import { errorOf, type Fault, type FaultControl, FaultPlan, type FaultRecord } from "./faults.ts";
import { Gate } from "./gate.ts";

/** Settings of {@link faulty}. */
export interface FaultySettings {
  /** Time for `delay` faults. @default the machine's clock */
  readonly clock?: Clock | undefined;
}

/**
 * A backend that fails as planned: requests that are lost, late, doubled, torn or answered wrongly.
 *
 * Every effect waits for an event, none for time: `faults.struck()` says when a fault has struck, `release()` ends hangs, `flush()` lets late effects
 * happen.
 *
 * @param backend stays usable beside it, without faults: to look at what really is there
 * @param faults the plan; the first that matches a call strikes
 * @throws OmniError INVALID_ARGUMENT for a fault that the operation cannot have
 */
export function faulty<B extends Backend>(
  backend: B,
  faults: readonly Fault[],
  settings: FaultySettings = {},
): B & { readonly faults: FaultControl } {
  for (const fault of faults) checkFault(fault);
  const puppets = new Puppets(faults, settings.clock ?? systemClock);
  const broken = intercept(backend, {
    call: (call, proceed) => puppets.call(call, proceed),
    list: (call, proceed) => puppets.list(call, proceed),
  });
  return extend(broken, { faults: puppets.control });
}

type Proceed = (...args: readonly unknown[]) => Promise<unknown>;

const DISTORTS: readonly string[] = ["truncate", "duplicate", "reorder"];
const AFTERWARDS: readonly string[] = ["fail-after-commit", "apply-late", "apply-twice"];
const BODIES: readonly string[] = ["read", "write", "stage"];

function checkFault(fault: Fault): void {
  for (const operation of [fault.on].flat()) {
    const isList = operation === "list";
    if (DISTORTS.includes(fault.do) && !isList && !BODIES.includes(operation))
      throw invalidArgument(`"${fault.do}" distorts a body or a listing; ${operation} has none`);
    if (AFTERWARDS.includes(fault.do) && (isList || operation === "read"))
      throw invalidArgument(`"${fault.do}" concerns a change; ${operation} changes nothing`);
    if ("atByte" in fault && fault.atByte !== undefined && !BODIES.includes(operation))
      throw invalidArgument(`atByte is a place in a body; ${operation} has none`);
    if ("atEntry" in fault && fault.atEntry !== undefined && !isList)
      throw invalidArgument(`atEntry is a place in a listing, not of ${operation}`);
  }
}

/** An effect that waits for `flush()`. */
interface LateEffect {
  readonly fault: Fault;
  readonly call: DriverCall;
  readonly apply: () => Promise<unknown>;
}

/** Plays the plan. */
class Puppets {
  readonly control: FaultControl;
  readonly #plan: FaultPlan;
  readonly #clock: Clock;
  readonly #log: FaultRecord[] = [];
  readonly #gate = new Gate();
  readonly #late: LateEffect[] = [];
  #waiting: { readonly times: number; readonly go: () => void }[] = [];

  constructor(faults: readonly Fault[], clock: Clock) {
    this.#plan = new FaultPlan(faults);
    this.#clock = clock;
    this.control = this.#makeControl();
  }

  async call(call: DriverCall, proceed: Proceed): Promise<unknown> {
    const fault = this.#plan.strike(call);
    if (!fault) return proceed(...call.args);
    if (BODIES.includes(call.operation) && concernsBody(fault)) return this.#callWithBody(fault, call, proceed);
    this.#note(fault, call, "struck");
    switch (fault.do) {
      case "fail":
        throw errorOf(fault, unavailable);
      case "delay":
        await delay(fault.delayMs, this.#clock, signalOf(call));
        return proceed(...call.args);
      case "hang":
        await this.#hang(fault, call);
        return proceed(...call.args);
      case "fail-after-commit":
        await proceed(...call.args);
        throw errorOf(fault, timedOut);
      case "apply-late": {
        const copy = await copier(call);
        this.#late.push({ fault, call, apply: () => proceed(...copy()) });
        throw errorOf(fault, timedOut);
      }
      case "apply-twice":
        return this.#twice(fault, call, proceed);
      default:
        throw invalidArgument(`"${fault.do}" does nothing to ${call.operation}`);
    }
  }

  async *list(call: DriverCall, proceed: () => AsyncIterable<unknown>): AsyncIterable<unknown> {
    const fault = this.#plan.strike(call);
    if (!fault) yield* proceed();
    else yield* distort(proceed(), () => 1, fault, ("atEntry" in fault && fault.atEntry) || 0, this.#strike(fault, call));
  }

  async #callWithBody(fault: Fault, call: DriverCall, proceed: Proceed): Promise<unknown> {
    const at = ("atByte" in fault && fault.atByte) || 0;
    const torn = (body: DriverBody): AsyncIterable<Uint8Array> =>
      distort(cutAt(body, at), (chunk) => chunk.byteLength, fault, at, this.#strike(fault, call));
    if (call.operation === "read") {
      const opened = (await proceed(...call.args)) as DriverRead;
      return { ...opened, body: torn(opened.body) };
    }
    const [path, body, options] = call.args;
    // A driver that is told the true length would notice; this store does not.
    return proceed(path, torn(body as DriverBody), { ...(options as object), sizeBytes: undefined });
  }

  async #twice(fault: Fault & { readonly do: "apply-twice" }, call: DriverCall, proceed: Proceed): Promise<unknown> {
    const copy = await copier(call);
    const answer = await proceed(...copy());
    this.#late.push({ fault, call, apply: () => proceed(...copy()) });
    if (fault.again !== "late") await this.#applyLate(this.#late.length - 1);
    return answer;
  }

  async #applyLate(at: number): Promise<PromiseSettledResult<unknown>> {
    const [{ fault, call, apply }] = this.#late.splice(at, 1) as [LateEffect];
    const [result] = (await Promise.allSettled([apply()])) as [PromiseSettledResult<unknown>];
    this.#note(fault, call, "applied", result.status === "rejected" ? result.reason : undefined);
    return result;
  }

  #strike(fault: Fault, call: DriverCall): Strike {
    return async () => {
      this.#note(fault, call, "struck");
      if (fault.do === "fail") throw errorOf(fault, unavailable);
      if (fault.do === "delay") await delay(fault.delayMs, this.#clock, signalOf(call));
      if (fault.do === "hang") await this.#hang(fault, call);
    };
  }

  async #hang(fault: Fault, call: DriverCall): Promise<void> {
    await this.#gate.wait(signalOf(call));
    this.#note(fault, call, "released");
  }

  #note(fault: Fault, { operation, path }: DriverCall, event: FaultRecord["event"], error?: unknown): void {
    this.#log.push({ fault, operation, path, event, ...(error === undefined ? {} : { error }) });
    const struck = this.#struck();
    for (const { times, go } of this.#waiting) if (times <= struck) go();
    this.#waiting = this.#waiting.filter(({ times }) => times > struck);
  }

  #struck(): number {
    return this.#log.filter(({ event }) => event === "struck").length;
  }

  #makeControl(): FaultControl {
    const gate = this.#gate;
    const late = this.#late;
    return {
      log: this.#log,
      add: (fault) => {
        checkFault(fault);
        this.#plan.add(fault);
      },
      clear: () => this.#plan.clear(),
      struck: (times = 1) =>
        new Promise((go) => {
          if (this.#struck() >= times) go();
          else this.#waiting.push({ times, go });
        }),
      get hanging() {
        return gate.waiting;
      },
      release: () => gate.open(),
      get late() {
        return late.length;
      },
      flush: async (most = late.length) => {
        const results: PromiseSettledResult<unknown>[] = [];
        while (results.length < most && late.length > 0) results.push(await this.#applyLate(0));
        return results;
      },
    };
  }
}

/** Whether a fault strikes within a body; else it strikes the call as a whole. */
function concernsBody(fault: Fault): boolean {
  return DISTORTS.includes(fault.do) || ("atByte" in fault && fault.atByte !== undefined);
}

function signalOf(call: DriverCall): AbortSignal | undefined {
  return (call.args.at(-1) as { readonly signal?: AbortSignal } | undefined)?.signal;
}

/** Takes the body of a call whole and gives arguments for as many calls as wanted, free of the caller's signal: the request is on its way. */
async function copier({ operation, args }: DriverCall): Promise<() => readonly unknown[]> {
  const freed = args.map((arg) => (isOptions(arg) ? { ...arg, signal: undefined } : arg));
  if (operation === "push") return () => [(args[0] as Uint8Array).slice()];
  if (operation !== "write" && operation !== "stage") return () => freed;
  const body = args[1] as DriverBody;
  const bytes = body instanceof Uint8Array ? body : await collect(body);
  return () => [freed[0], Uint8Array.prototype.slice.call(bytes), freed[2]];
}

function isOptions(arg: unknown): arg is object {
  return (
    typeof arg === "object" && arg !== null && !Array.isArray(arg) && !(arg instanceof Uint8Array) && !(Symbol.asyncIterator in arg)
  );
}

function unavailable(): OmniError {
  return new OmniError("UNAVAILABLE", { reason: "a planned fault: the request was lost", outcome: "not-applied" });
}

function timedOut(): OmniError {
  return new OmniError("TIMEOUT", { reason: "a planned fault: no answer came", outcome: "unknown" });
}
