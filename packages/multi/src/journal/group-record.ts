import { randomUUID } from "node:crypto";
import { type Backend, layer, OmniError, RESERVED_PREFIX } from "@omni/core";
import type { Member } from "../members.ts";
import { JOURNAL_PREFIX } from "./log.ts";

const GROUPS = `${JOURNAL_PREFIX}group/`;
const PROBES = `${JOURNAL_PREFIX}probe/`;

/** Objects of each member that are looked at for write ids before an empty journal is believed. */
const LOOKED_AT = 16;

/** Which group a journal belongs to. Numbered like the heads: the highest epoch counts. */
export interface GroupRecord {
  readonly v: 1;
  readonly id: string;
  /** From 1; every change of the members adds 1. */
  readonly epoch: number;
  readonly members: readonly { readonly name: string; readonly identity?: string | undefined }[];
  /** Every member was empty when the group began: what the journal does not know is not there. */
  readonly fresh: boolean;
}

export interface GroupChoices {
  readonly adopt: boolean;
  readonly changeMembers: boolean;
  readonly timeoutMs: number;
  /** Whether intents are open: then the members cannot change. */
  readonly hasOpen: () => Promise<boolean>;
}

/**
 * Finds the journal's group or founds it.
 *
 * @throws OmniError NOT_SUPPORTED when the store does not keep its word on conditional create; INVALID_ARGUMENT for other members than the journal
 *   knows, or an empty journal beside members that a group wrote to
 */
export async function openGroup(journal: Backend, members: readonly Member[], choices: GroupChoices): Promise<GroupRecord> {
  const backend = layer(journal, () => ({}), { reserved: true });
  await probe(backend, choices.timeoutMs);
  while (true) {
    const known = await newestGroup(backend, choices.timeoutMs);
    if (known && isSame(known, members)) return known;
    const record = known ? await changed(known, members, choices) : await founded(members, choices);
    if (await create(backend, `${GROUPS}${String(record.epoch).padStart(6, "0")}`, JSON.stringify(record), choices.timeoutMs))
      return record;
  }
}

/** Creates a record twice: the second must be refused. And its length must be what was written, or the journal could not be listed. */
async function probe(backend: Backend, timeoutMs: number): Promise<void> {
  const name = `${PROBES}${randomUUID()}`;
  const text = "a record of odd length";
  await backend.write(name, text, { ifNoneMatch: "*", timeoutMs });
  const isTaken = !(await create(backend, name, text, timeoutMs));
  const { size } = await backend.stat(name, { timeoutMs });
  await backend.delete(name, { timeoutMs });
  if (!isTaken) throw unfit("it made the same record twice under if-none-match; give one that really evaluates conditions");
  if (size !== text.length)
    throw unfit(`a record of ${text.length} bytes has ${size} there; give the store without a layer that encodes`);
}

async function create(backend: Backend, name: string, text: string, timeoutMs: number): Promise<boolean> {
  try {
    await backend.write(name, text, { ifNoneMatch: "*", timeoutMs });
    return true;
  } catch (error) {
    if (OmniError.is(error, "ALREADY_EXISTS")) return false;
    throw error;
  }
}

async function newestGroup(backend: Backend, timeoutMs: number): Promise<GroupRecord | undefined> {
  let newest: string | undefined;
  for await (const { path } of backend.list(GROUPS, { timeoutMs })) if (newest === undefined || path > newest) newest = path;
  return newest === undefined ? undefined : ((await (await backend.read(newest, { timeoutMs })).json()) as GroupRecord);
}

function described(members: readonly Member[]): GroupRecord["members"] {
  return members.map(({ name, backend }) => {
    const { identity } = backend.driver;
    // What a process holds is another store in the next process.
    return identity === undefined || backend.features.durable === "process" ? { name } : { name, identity };
  });
}

function isSame(known: GroupRecord, members: readonly Member[]): boolean {
  const text = (list: GroupRecord["members"]): string => JSON.stringify([...list].sort((a, b) => (a.name < b.name ? -1 : 1)));
  return text(known.members) === text(described(members));
}

async function changed(known: GroupRecord, members: readonly Member[], choices: GroupChoices): Promise<GroupRecord> {
  const names = (list: readonly { readonly name: string }[]): string => list.map(({ name }) => name).join(", ");
  const difference = `the journal belongs to the members ${names(known.members)}; these are ${names(members)}, or other stores under the same names`;
  if (!choices.changeMembers)
    throw refused(`${difference}. Give the journal's members, another journal, or changeMembers: true when the group is to change`);
  if (await choices.hasOpen())
    throw refused(`${difference}. Intents are open: recover() with the former members first, then change them`);
  return { ...known, epoch: known.epoch + 1, members: described(members), fresh: false };
}

async function founded(members: readonly Member[], { adopt, timeoutMs }: GroupChoices): Promise<GroupRecord> {
  const found = await Promise.all(members.map((member) => contentsOf(member, timeoutMs)));
  const stamped = members.filter((_, at) => found[at] === "stamped").map(({ name }) => name);
  if (stamped.length > 0 && !adopt)
    throw refused(
      `the journal is empty, but ${stamped.join(", ")} hold objects that a group wrote. If their journal is lost or there was none: adopt: true`,
    );
  const fresh = found.every((contents) => contents === "nothing");
  return { v: 1, id: randomUUID(), epoch: 1, members: described(members), fresh };
}

/** What a member holds, by its first objects. */
async function contentsOf({ backend }: Member, timeoutMs: number): Promise<"nothing" | "objects" | "stamped"> {
  let seen = 0;
  for await (const { path, isDirectory } of backend.list("", { pageSize: LOOKED_AT, timeoutMs })) {
    if (isDirectory || path.startsWith(RESERVED_PREFIX)) continue;
    seen += 1;
    if (await isStamped(backend, path, timeoutMs)) return "stamped";
    if (seen === LOOKED_AT) break;
  }
  return seen === 0 ? "nothing" : "objects";
}

async function isStamped(backend: Backend, path: string, timeoutMs: number): Promise<boolean> {
  try {
    return (await backend.stat(path, { timeoutMs })).stamp !== undefined;
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return false;
    throw error;
  }
}

function refused(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { backend: "multi", operation: "open", reason, outcome: "not-applied" });
}

function unfit(reason: string): OmniError {
  const words = `this backend cannot be a journal: ${reason}`;
  return new OmniError("NOT_SUPPORTED", { backend: "multi", operation: "open", reason: words, outcome: "not-applied" });
}
