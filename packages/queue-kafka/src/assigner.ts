/** A member of a group, as whoever assigns sees it. */
export interface Candidate {
  readonly id: string;
  readonly topics: ReadonlySet<string>;
  /** What it says that it had, by topic. */
  readonly owned: Readonly<Record<string, readonly number[]>>;
}

/** By member, by topic. */
export type Assignments = Map<string, Record<string, number[]>>;

/**
 * Shares the partitions of topics among the members that asked for them: evenly per topic, and to those that had them before where that is even
 * too, so that a member that comes or goes moves as little as possible.
 */
export function assignPartitions(members: readonly Candidate[], partitions: ReadonlyMap<string, readonly number[]>): Assignments {
  const assigned: Assignments = new Map(members.map((member) => [member.id, {}]));
  const order = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  let turn = 0;
  for (const [topic, numbers] of partitions) {
    const candidates = order.filter((member) => member.topics.has(topic));
    if (candidates.length === 0) continue;
    const shares = shareTopic(topic, numbers, candidates, turn);
    // The ones that are over go to another member with each topic.
    turn += numbers.length % candidates.length;
    for (const [id, share] of shares) if (share.length > 0) (assigned.get(id) as Record<string, number[]>)[topic] = share;
  }
  return assigned;
}

function shareTopic(
  topic: string,
  numbers: readonly number[],
  candidates: readonly Candidate[],
  turn: number,
): Map<string, number[]> {
  const least = Math.floor(numbers.length / candidates.length);
  let over = numbers.length % candidates.length;
  const free = new Set(numbers);
  const shares = new Map<string, number[]>(candidates.map((member) => [member.id, []]));
  for (const { id, owned } of candidates) {
    const share = shares.get(id) as number[];
    for (const number of owned[topic] ?? []) {
      if (share.length > least || (share.length === least && over === 0) || !free.delete(number)) continue;
      share.push(number);
      if (share.length > least) over -= 1;
    }
  }
  const rotated = candidates.map((_, i) => candidates[(i + turn) % candidates.length] as Candidate);
  for (const number of free) {
    const next = rotated.reduce((a, b) => (sizeOf(shares, b) < sizeOf(shares, a) ? b : a));
    shares.get(next.id)?.push(number);
  }
  for (const share of shares.values()) share.sort((a, b) => a - b);
  return shares;
}

function sizeOf(shares: ReadonlyMap<string, readonly number[]>, member: Candidate): number {
  return shares.get(member.id)?.length ?? 0;
}
