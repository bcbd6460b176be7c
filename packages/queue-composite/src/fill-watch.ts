import type { Logger } from "@omni/core";
import type { Member } from "./member.ts";
import { brokerStats } from "./member-stats.ts";

const WARN_AT = 0.8;

/** Warns when a member that nobody reads fills up: once it is full, publishes to it fail. */
export class FillWatch {
  readonly #member: Member;
  readonly #logger: Logger;
  readonly #everyMessages: number;
  /** By topic: messages until the next look. */
  readonly #left = new Map<string, number>();
  readonly #warned = new Set<string>();

  private constructor(member: Member, capacity: number, logger: Logger) {
    this.#member = member;
    this.#logger = logger;
    this.#everyMessages = Math.max(1, Math.floor(capacity / 20));
  }

  /** `undefined` for a member that is not bounded. */
  static of(member: Member, logger: Logger): FillWatch | undefined {
    const { capacity } = member.features;
    return capacity === undefined || !member.driver.stats ? undefined : new FillWatch(member, capacity, logger);
  }

  /** Messages were sent to a topic. */
  sent(topic: string, messages: number): void {
    const left = (this.#left.get(topic) ?? this.#everyMessages) - messages;
    this.#left.set(topic, left > 0 ? left : this.#everyMessages);
    if (left > 0) return;
    const { name, driver } = this.#member;
    brokerStats(this.#member, false, { topic }).then(
      ({ fill }) => this.#judge(topic, fill),
      (error) =>
        this.#logger.debug(
          { provider: driver.name, member: name, topic, error: String(error) },
          "a member's numbers are not known",
        ),
    );
  }

  #judge(topic: string, fill: number | undefined): void {
    if (fill === undefined) return;
    if (fill < WARN_AT) {
      this.#warned.delete(topic);
      return;
    }
    if (this.#warned.has(topic)) return;
    this.#warned.add(topic);
    const { name, driver } = this.#member;
    this.#logger.warn(
      { provider: driver.name, member: name, topic, fill, drain: "none" },
      'a member that nobody reads is more than 80 % full: read it too (subscribe: "all"), give it consumers or a limit of its own, or raise its capacity',
    );
  }
}
