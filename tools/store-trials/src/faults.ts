import { type Fault, failAfterCommit, throttled, unavailable } from "@omni/fault-proxy";

/** What a store's own refusals look like. */
export interface Refusals {
  /** Body of a 503 that asks to slow down. */
  readonly overloaded: string;
  /** Body of a 500. */
  readonly internal: string;
}

/** Every fault that an operation may meet. */
export function faultsOf({ overloaded, internal }: Refusals): readonly Fault[] {
  return [
    { kind: "latency", ms: 30 },
    { kind: "reset", in: "request" },
    { kind: "reset", in: "request", afterBytes: 700 },
    { kind: "reset", in: "response" },
    { kind: "reset", in: "response", afterBytes: 500 },
    { kind: "drop", in: "request", afterBytes: 100 },
    { kind: "drop", in: "response" },
    { kind: "truncate", afterBytes: 20 },
    { kind: "stall", in: "response" },
    { kind: "stall", in: "response", afterBytes: 100 },
    { kind: "stall", in: "request", afterBytes: 10 },
    { kind: "slow", in: "response", bytesPerSecond: 3_000 },
    { kind: "slow", in: "request", bytesPerSecond: 50_000 },
    unavailable(overloaded),
    unavailable(),
    throttled(1),
    { kind: "answer", status: 500, body: internal },
    failAfterCommit(internal),
    { kind: "after-commit", then: "reset" },
    { kind: "after-commit", then: "drop" },
    { kind: "after-commit", then: "stall" },
  ];
}
