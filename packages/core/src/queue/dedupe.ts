/** What a dedupe store goes by. */
export interface DedupeKey {
  readonly group: string;
  readonly topic: string;
  readonly id: string;
}

/** What `begin` found. */
export type DedupeClaim =
  /** Nobody handles or handled the message: this caller does, and owns it until the lease ends. */
  | { readonly state: "claimed"; readonly token: string }
  /** Another handles it: ask again after so many milliseconds. */
  | { readonly state: "busy"; readonly retryAfterMs: number }
  /** It was handled. */
  | { readonly state: "done" };

/**
 * Remembers in two phases which messages were handled: `begin` claims for the time of a lease, `done` after the handler succeeded. A message
 * whose handler failed or died is handled again; nothing is lost by being remembered too early.
 */
export interface DedupeStore {
  /** Who shares what is remembered: this process, the processes of this host, or all instances. */
  readonly scope: "process" | "host" | "fleet";
  /** How long a handled message is remembered, in milliseconds from `done`. */
  readonly windowMs: number;
  /** How long a claim lasts without `renew`, in milliseconds. */
  readonly leaseMs: number;
  /** Claims a message. One caller at a time gets it. */
  begin(key: DedupeKey): Promise<DedupeClaim> | DedupeClaim;
  /** Lengthens a claim; `false` when it is another's by now. */
  renew(key: DedupeKey, token: string): Promise<boolean> | boolean;
  /** Marks a message handled; `false` when the claim is another's by now. */
  done(key: DedupeKey, token: string): Promise<boolean> | boolean;
  /** Gives a claim back, so that the message can be handled again at once. */
  release(key: DedupeKey, token: string): Promise<void> | void;
  /**
   * `done` within a transaction of the application, where the store can (`sqliteDedupe`). Throws PRECONDITION_FAILED when the claim is another's by
   * now: the transaction has to be rolled back. Effect and mark then happen together or not at all.
   */
  doneIn?(tx: unknown, key: DedupeKey, token: string): Promise<void> | void;
  /** Forgets what is older than the window; returns how many. Stores do it by themselves now and then. */
  sweep?(): Promise<number> | number;
  /** Frees what the store holds. */
  close?(): Promise<void> | void;
}

/** Dedupe of one consumer. */
export interface DedupeOptions {
  readonly store: DedupeStore;
  /** The least scope that will do; a store with a smaller one is refused with INVALID_ARGUMENT. @default the store's */
  readonly scope?: DedupeStore["scope"] | undefined;
  /** The least window that will do, in milliseconds: as long as a copy may come late; a shorter one is refused. @default the store's */
  readonly minWindowMs?: number | undefined;
}

/** The dedupe of the message at hand. */
export interface DedupeHandle {
  /**
   * Marks the message done within a transaction of the application, so that its effect and the mark happen together or not at all.
   *
   * @throws OmniError PRECONDITION_FAILED when another took the message over: roll back; NOT_SUPPORTED where the store has no transactions
   */
  in(tx: unknown): Promise<void> | void;
}
