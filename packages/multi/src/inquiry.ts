import { OmniError } from "@omni/core";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";

/** Errors that another member does not cure: the call itself is wrong. */
export const FINAL = ["INVALID_PATH", "INVALID_ARGUMENT", "NOT_SUPPORTED"] as const;

/** A question to one member at a time, or to a second one when the first is slow. */
export interface Question<T> {
  readonly operation: string;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
  /** How many members must say NOT_FOUND before it is believed. */
  readonly notFoundNeeds: number;
  /** Milliseconds after which a second member is asked beside the first. @default never */
  readonly hedgeMs?: number | undefined;
  readonly ask: (member: Member, signal: AbortSignal | undefined, timeoutMs: number) => Promise<T>;
  /** Lets go of an answer that came after another one. */
  readonly letGo?: ((late: T) => Promise<void>) | undefined;
}

/** Asks members in order until one answers. Members whose breaker is open are left out, and count as not answering. */
export function inquire<T>(group: Group, order: readonly Member[], question: Question<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    new Inquiry(group, order, question, resolve, reject).start();
  });
}

class Inquiry<T> {
  readonly #group: Group;
  readonly #question: Question<T>;
  readonly #waiting: Member[];
  readonly #settle: { readonly resolve: (answer: T) => void; readonly reject: (error: unknown) => void };
  readonly #asked: Set<AbortController> = new Set();
  readonly #errors: unknown[] = [];
  #missing = 0;
  #over = false;
  #timer: unknown;

  constructor(
    group: Group,
    order: readonly Member[],
    question: Question<T>,
    resolve: (answer: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.#group = group;
    this.#question = question;
    this.#waiting = [...order];
    this.#settle = { resolve, reject };
  }

  start(): void {
    const { hedgeMs, path } = this.#question;
    this.#askNext();
    if (hedgeMs === undefined || this.#over || this.#waiting.length === 0) return;
    this.#timer = this.#group.clock.setTimeout(() => {
      const asked = this.#askNext();
      if (asked) this.#group.events.emit("hedge", { path, member: asked.name, afterMs: hedgeMs });
    }, hedgeMs);
  }

  /** Asks the next member that may be asked; rejects when none is left and none is still asked. */
  #askNext(): Member | undefined {
    for (let member = this.#waiting.shift(); member; member = this.#waiting.shift()) {
      const health = this.#group.health.of(member);
      if (health.admits()) {
        this.#ask(member);
        return member;
      }
      this.#errors.push(health.refusal(this.#question.operation, this.#question.path));
    }
    if (this.#asked.size === 0) this.#end(() => this.#settle.reject(this.#failure()));
    return undefined;
  }

  #ask(member: Member): void {
    const { clock, settings, health } = this.#group;
    const { ask, signal, hedgeMs } = this.#question;
    const standing = health.of(member);
    // Only who is asked beside another is ever called back.
    const controller = new AbortController();
    this.#asked.add(controller);
    const start = clock.now();
    const onAbort = (): void => controller.abort(signal?.reason);
    if (hedgeMs !== undefined) signal?.addEventListener("abort", onAbort, { once: true });
    const end = (): void => {
      this.#asked.delete(controller);
      signal?.removeEventListener("abort", onAbort);
    };
    ask(member, hedgeMs === undefined ? signal : controller.signal, member.timeoutMs ?? settings.memberTimeoutMs).then(
      (answer) => {
        end();
        standing.record(undefined, clock.now() - start);
        // What comes too late is let go; that it could not be is its member's trouble.
        if (this.#over) this.#question.letGo?.(answer).catch(() => {});
        else this.#end(() => this.#settle.resolve(answer));
      },
      (error) => {
        end();
        if (signal?.aborted || controller.signal.aborted) standing.forget();
        else standing.record(error, clock.now() - start);
        if (!this.#over) this.#failed(error);
      },
    );
  }

  #failed(error: unknown): void {
    const { signal, notFoundNeeds, operation, path } = this.#question;
    this.#errors.push(error);
    if (signal?.aborted || OmniError.is(error, ...FINAL)) this.#end(() => this.#settle.reject(error));
    else if (OmniError.is(error, "NOT_FOUND") && ++this.#missing >= notFoundNeeds)
      this.#end(() => this.#settle.reject(notFound(operation, path, error)));
    else this.#askNext();
  }

  #end(settle: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#group.clock.clearTimeout(this.#timer);
    for (const controller of this.#asked) controller.abort(new Error("another member answered first"));
    settle();
  }

  #failure(): OmniError {
    const { operation, path, notFoundNeeds } = this.#question;
    const silent = this.#errors.find((error) => !OmniError.is(error, "NOT_FOUND", "PRECONDITION_FAILED"));
    const refused = this.#errors.find((error): error is OmniError => OmniError.is(error, "PRECONDITION_FAILED"));
    // Only when all have answered is it known that none has what was asked for.
    if (silent === undefined && refused) return refused;
    const reason =
      this.#missing === 0
        ? "no member answered"
        : `${this.#missing} of ${this.#group.members.length} members say that it is not there, ${notFoundNeeds} must; the others did not answer`;
    return unavailable(operation, path, `${reason}: ${messageOf(silent)}`, silent);
  }
}

export function notFound(operation: string, path: string, cause: unknown): OmniError {
  return new OmniError("NOT_FOUND", { backend: "multi", operation, path, cause });
}

export function unavailable(operation: string, path: string, reason: string, cause: unknown): OmniError {
  return new OmniError("UNAVAILABLE", { backend: "multi", operation, path, reason, cause });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
