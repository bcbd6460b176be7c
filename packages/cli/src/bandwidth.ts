import type { Bandwidth, TimetableEntry } from "@omni/sync";
import { UsageError } from "./command.ts";
import { parseBytes } from "./quantities.ts";

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

/**
 * Bytes per second from `10M`, or a timetable from `08:00,512K 19:00,off` and `Mon-08:00,1M Sat-00:00,off` (https://rclone.org/docs/#bwlimit).
 *
 * @returns `undefined` = no limit
 * @throws UsageError
 */
export function parseBandwidth(text: string): Bandwidth | undefined {
  const words = text.trim().split(/\s+/);
  if (words.length === 1 && !text.includes(",")) return parseRate(text);
  return words.map(parseEntry);
}

function parseEntry(word: string): TimetableEntry {
  const match = /^(?:([a-z]{3})[a-z]*-)?(\d{1,2}:\d{2}),(\S+)$/i.exec(word);
  const [, day, at = "", rate = ""] = match ?? [];
  const known = day === undefined ? undefined : DAYS.find((name) => name === day.toLowerCase());
  if (!match || (day !== undefined && known === undefined))
    throw new UsageError(`--bwlimit: ${JSON.stringify(word)} is no entry of a timetable; write 08:00,512K or Mon-08:00,off`);
  const bytesPerSecond = parseRate(rate);
  return {
    at: at.padStart(5, "0"),
    ...(known === undefined ? {} : { days: [known] }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
  };
}

function parseRate(text: string): number | undefined {
  if (text.toLowerCase() === "off") return undefined;
  try {
    return parseBytes(text);
  } catch (error) {
    throw new UsageError(`--bwlimit: ${(error as Error).message}`);
  }
}
