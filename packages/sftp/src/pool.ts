import { OmniError, silentLogger } from "@omni/core";
import { isLost } from "./errors.ts";
import type { CheckedOptions } from "./options.ts";
import { openSession, type Session } from "./session.ts";
import { abortable } from "./waiting.ts";

// Calls on one connection before another is opened: requests of one connection are answered one after the other.
const CALLS_PER_SESSION = 4;

interface Member {
  readonly opening: Promise<Session>;
  calls: number;
  idle?: NodeJS.Timeout;
}

/** A session, taken until `release`. */
export interface Lease {
  readonly session: Session;
  release(): void;
}

/** A bounded number of connections, opened when needed, closed when idle. One that was lost is replaced by the next call. */
export class Pool {
  readonly #options: CheckedOptions;
  readonly #members = new Set<Member>();
  #isClosed = false;

  constructor(options: CheckedOptions) {
    this.#options = options;
  }

  /**
   * Does work on a session. With a signal it is not waited for after an abort: for what changes nothing; a change settles first.
   *
   * @param work must not keep the session
   */
  async use<T>(signal: AbortSignal | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    const lease = await this.take(signal);
    return abortable(work(lease.session).finally(lease.release), signal);
  }

  /** As `use`, once more on another session when the first was lost: for what may be done twice. */
  async useTwice<T>(signal: AbortSignal | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await this.use(signal, work);
    } catch (error) {
      if (!isLost(error)) throw error;
      return this.use(signal, work);
    }
  }

  /** Takes the session with the fewest calls, or a new one. */
  async take(signal: AbortSignal | undefined): Promise<Lease> {
    signal?.throwIfAborted();
    const member = this.#choose();
    member.calls++;
    clearTimeout(member.idle);
    try {
      const session = await abortable(member.opening, signal);
      session.hold(true);
      let isTaken = true;
      const release = (): void => {
        if (isTaken) this.#giveBack(member);
        isTaken = false;
      };
      return { session, release };
    } catch (error) {
      this.#giveBack(member);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const members = [...this.#members];
    this.#members.clear();
    await Promise.all(
      members.map(async (member) => {
        clearTimeout(member.idle);
        const session = await member.opening.catch(() => undefined); // whoever waits for it is told
        session?.close();
      }),
    );
  }

  #choose(): Member {
    if (this.#isClosed) throw new OmniError("BACKEND_CLOSED");
    let best: Member | undefined;
    for (const member of this.#members) if (!best || member.calls < best.calls) best = member;
    const isFull = this.#members.size >= this.#options.connections;
    return best && (isFull || best.calls < CALLS_PER_SESSION) ? best : this.#open();
  }

  #open(): Member {
    const { host, port, logger = silentLogger } = this.#options;
    const member: Member = { opening: openSession(this.#options), calls: 0 };
    this.#members.add(member);
    member.opening.then(
      (session) => {
        logger.debug({ host, port }, "connected");
        session.onClosed(() => {
          if (this.#members.delete(member)) logger.debug({ host, port }, "connection ended");
        });
      },
      () => this.#members.delete(member), // thrown where it is awaited
    );
    return member;
  }

  #giveBack(member: Member): void {
    if (--member.calls > 0 || !this.#members.has(member)) return;
    const leave = (): void => {
      if (!this.#members.delete(member)) return;
      member.opening.then((session) => session.close()).catch(() => {}); // one that never opened has nothing to close
    };
    member.idle = setTimeout(leave, this.#options.idleMs).unref();
    member.opening.then((session) => member.calls === 0 && session.hold(false)).catch(() => {}); // thrown where it is awaited
  }
}
