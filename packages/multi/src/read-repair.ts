import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import type { Mend } from "./mending.ts";
import { asError } from "./outcome.ts";
import { repairPath } from "./repair.ts";

/** Paths repaired at once; what is left out is found by a later read, or by `repair()`. */
const AT_ONCE = 4;

/** Brings members together that a quorum read found behind. It goes on after the read, which is neither slowed down by it nor ever fails. */
export class ReadRepair {
  readonly #group: Group;
  readonly #mend: Mend;
  readonly #paths = new Set<string>();

  constructor(group: Group, mend: Mend) {
    this.#group = group;
    this.#mend = mend;
  }

  /** Begins, unless the path is under way, enough others are, or nothing but the members' own late writes is missing. */
  begin(path: string, behind: readonly Pick<Member, "name">[]): void {
    const { members, health, background } = this.#group;
    const names = behind.map(({ name }) => name);
    const isWorthIt = members.some((member) => names.includes(member.name) && health.of(member).isTrusted);
    if (!isWorthIt || this.#paths.has(path) || this.#paths.size >= AT_ONCE) return;
    this.#paths.add(path);
    const work = this.#repair(path, names).finally(() => {
      this.#paths.delete(path);
      background.delete(work);
    });
    background.add(work);
  }

  async #repair(path: string, members: readonly string[]): Promise<void> {
    const { events, settings } = this.#group;
    try {
      const { ambiguous, failed } = await repairPath(this.#group, this.#mend, path);
      events.emit("heal", { path, members, complete: ambiguous + failed === 0 });
    } catch (error) {
      settings.logger?.warn({ path, error }, "what a quorum read found behind could not be repaired");
      events.emit("heal", { path, members, complete: false, error: asError(error) });
    }
  }
}
