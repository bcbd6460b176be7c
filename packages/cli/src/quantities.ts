// Quantities as rclone's users write them (https://rclone.org/docs/#options).

const POWERS = ["b", "k", "m", "g", "t", "p"] as const;

/** Bytes from `10M`, `1.5GiB`, `512b`; a bare number is KiB. Units are powers of 1024, `MB` and `MiB` alike. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgtp])?(?:i?b)?$/i.exec(text.trim());
  if (!match) throw new RangeError(`${JSON.stringify(text)} is no size; write 512b, 64K, 10M or 1.5G.`);
  const power = POWERS.indexOf((match[2] ?? "k").toLowerCase() as "k");
  return Math.round(Number(match[1]) * 1024 ** power);
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_629_800_000,
  y: 31_557_600_000,
};

/** Milliseconds from `1h30m`, `90s`, `2d`, `1w`, `1M` (a month), `1y`; a bare number is seconds. */
export function parseDuration(text: string): number {
  const trimmed = text.trim();
  if (/^\d+(?:\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1_000;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhdwMy]))+$/.test(trimmed))
    throw new RangeError(`${JSON.stringify(text)} is no length of time; write 10s, 1h30m or 2d.`);
  let ms = 0;
  for (const [, number, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwMy])/g))
    ms += Number(number) * (UNIT_MS[unit as string] ?? 0);
  return ms;
}

/** A whole number, 0 or more. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new RangeError("Give a whole number, 0 or more.");
  return value;
}

/** A number, 0 or more. */
export function parseNumber(text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw new RangeError("Give a number, 0 or more.");
  return Number(text);
}
