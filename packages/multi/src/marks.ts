import { layer, type ObjectInfo, OmniError } from "@omni/core";
import { type Group, makeGroup } from "./group.ts";
import { deleteWayOf, isMark } from "./journal/deleting.ts";
import type { Member } from "./members.ts";

/**
 * The group as its readers see it: while a delete is under way a member may hold a mark in the object's place, and a mark is nothing.
 *
 * @param group as the journal sees it
 */
export function withoutMarks(group: Group): Group {
  if (!group.members.some(({ backend }) => deleteWayOf(backend) === "marked")) return group;
  const seen = makeGroup(group.members.map(hidingMarks), group.settings, group.notes);
  return { ...seen, events: group.events, background: group.background };
}

function hidingMarks({ name, backend }: Member): Member {
  const real = (info: ObjectInfo): ObjectInfo => {
    if (isMark(info)) throw new OmniError("NOT_FOUND");
    return info;
  };
  return {
    name,
    backend: layer(backend, (driver) => ({
      stat: async (path, options) => real(await driver.stat(path, options)),
      async read(path, options) {
        const opened = await driver.read(path, options);
        if (!isMark(opened.info)) return opened;
        // A mark is a few bytes: read to its end, it gives its connection back.
        for await (const _ of opened.body);
        throw new OmniError("NOT_FOUND");
      },
    })),
  };
}
