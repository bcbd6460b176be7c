import { type MemberOutcome, MultiError } from "@omni/core";
import type { DriverCallOptions, QueueHealth } from "@omni/core/queue";
import type { Member } from "./member.ts";

/**
 * Resolves when every required member is ready and as many as a publish needs; the others go on by themselves.
 *
 * @throws MultiError PARTIAL_FAILURE naming the members that are not
 */
export function readyOf(
  members: readonly Member[],
  needed: number,
  options: DriverCallOptions,
  onError: (member: Member, error: unknown) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const outcomes: MemberOutcome[] = members.map(({ name }) => ({ member: name, state: "pending" }));
    let open = members.length;
    const judge = (): void => {
      const ready = members.filter((_, place) => outcomes[place]?.state === "ready");
      const required = members.filter((member) => member.required);
      if (ready.length >= needed && required.every((member) => ready.includes(member))) resolve();
      else if (open === 0) reject(new MultiError("PARTIAL_FAILURE", outcomes, { backend: "composite", operation: "ready" }));
    };
    for (const [place, member] of members.entries()) {
      const call = async (): Promise<void> => member.driver.ready?.(options);
      call().then(
        () => {
          open -= 1;
          outcomes[place] = { member: member.name, state: "ready" };
          judge();
        },
        (error: unknown) => {
          open -= 1;
          onError(member, error);
          outcomes[place] = { member: member.name, state: "down", error: member.wrap("ready", error) };
          judge();
        },
      );
    }
  });
}

/** How the group stands: down without a required member or with fewer than a publish needs, degraded while any is not up. */
export async function healthOf(members: readonly Member[], needed: number, options: DriverCallOptions): Promise<QueueHealth> {
  const found = await Promise.all(members.map((member) => healthOfMember(member, options)));
  const named = Object.fromEntries(members.map(({ name }, place) => [name, found[place] as QueueHealth]));
  const ailing = members.filter((_, place) => found[place]?.status !== "up");
  if (ailing.length === 0) return { status: "up", members: named };
  const reason = ailing.map(({ name }) => `${name}: ${named[name]?.reason ?? named[name]?.status}`).join("; ");
  const down = members.filter((_, place) => found[place]?.status === "down");
  const isDown = down.some((member) => member.required) || members.length - down.length < needed;
  return { status: isDown ? "down" : "degraded", reason, members: named };
}

async function healthOfMember(member: Member, options: DriverCallOptions): Promise<QueueHealth> {
  try {
    const health = (await member.driver.health?.(options)) ?? { status: "up" };
    if (health.status !== "up" || member.breaker.state === "closed") return health;
    return { status: "degraded", reason: `its breaker is ${member.breaker.state}` };
  } catch (error) {
    return { status: "down", reason: error instanceof Error ? error.message : String(error) };
  }
}
