import { bandwidthAt } from "@omni/sync";
import { parseBandwidth } from "../src/bandwidth.ts";
import { EXIT_CODES } from "../src/exit-codes.ts";
import { filterOf } from "../src/filters.ts";
import { barLine } from "../src/output/bar.ts";
import { formatBytes, formatTime } from "../src/output/format.ts";
import { escapeControls } from "../src/output/output.ts";
import { parseBytes, parseCount, parseDuration, parseNumber } from "../src/quantities.ts";

test("sizes: powers of 1024, a bare number is KiB", () => {
  const sizes = {
    "512b": 512,
    "1": 1024,
    "64K": 65_536,
    "1.5M": 1_572_864,
    "2GiB": 2_147_483_648,
    "1TB": 1_099_511_627_776,
    "0": 0,
  };
  for (const [text, bytes] of Object.entries(sizes)) expect([text, parseBytes(text)]).toEqual([text, bytes]);
  for (const text of ["", "1X", "-1", "one", "1.M"]) expect(() => parseBytes(text)).toThrow(/is no size/);
});

test("lengths of time: a bare number is seconds", () => {
  const times = {
    "10": 10_000,
    "1.5s": 1_500,
    "250ms": 250,
    "1h30m": 5_400_000,
    "2d": 172_800_000,
    "1w": 604_800_000,
    "1M": 2_629_800_000,
  };
  for (const [text, ms] of Object.entries(times)) expect([text, parseDuration(text)]).toEqual([text, ms]);
  for (const text of ["", "h", "1x", "1h 30m", "-5s"]) expect(() => parseDuration(text)).toThrow(/is no length of time/);
});

test("numbers", () => {
  expect([parseCount("12"), parseNumber("0.5")]).toEqual([12, 0.5]);
  for (const text of ["-1", "1.5", "x", "99999999999999999999"]) expect(() => parseCount(text)).toThrow(/whole number/);
  for (const text of ["-1", "", "x"]) expect(() => parseNumber(text)).toThrow(/number, 0 or more/);
});

test("bandwidths: a rate, off, and timetables by hour and day", () => {
  expect([parseBandwidth("1M"), parseBandwidth("off")]).toEqual([1_048_576, undefined]);
  const daily = parseBandwidth("8:00,512K 19:00,off");
  expect(daily).toEqual([{ at: "08:00", bytesPerSecond: 524_288 }, { at: "19:00" }]);
  // 2026-11-16 is a Monday.
  const rateAt = (text: string, time: string): number | undefined =>
    bandwidthAt(parseBandwidth(text) ?? [], new Date(`2026-11-${time}:00`));
  expect([rateAt("8:00,512K 19:00,off", "16T12:00"), rateAt("8:00,512K 19:00,off", "16T22:00")]).toEqual([524_288, undefined]);
  expect([rateAt("Mon-08:00,1K Sat-00:00,2K", "17T03:00"), rateAt("Mon-08:00,1K saturday-00:00,2K", "22T03:00")]).toEqual([
    1_024, 2_048,
  ]);
  for (const text of ["x", "08:00", "08:00,x", "Moon-08:00,1M"]) expect(() => parseBandwidth(text)).toThrow(/--bwlimit/);
});

test("ages: lengths of time and dates", async () => {
  const now = Date.parse("2026-11-21T00:00:00Z");
  const context = { cwd: "/" };
  expect(await filterOf(context, {})).toBeUndefined();
  expect(await filterOf(context, { minAge: "30d", maxAge: "2026-11-20" }, now)).toEqual({
    minAgeMs: 2_592_000_000,
    maxAgeMs: 86_400_000,
  });
  await expect(filterOf(context, { filesFrom: ["/no/such/list"] })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("bars fit the terminal, whatever the name", () => {
  const state = {
    label: "a/very/long/path/of/an/object/that/does/not/fit.jpg",
    bytes: 512,
    totalBytes: 1024,
    bytesPerSecond: 256,
    etaMs: 2_000,
  };
  const wide = barLine(state, 160);
  expect(wide).toMatch(/^a\/very.*fit\.jpg {2}[█#]{12}[░-]{12} {3}50% {2}512 B of 1 KiB {2}256 B\/s {2}0:02 left$/);
  for (const columns of [20, 40, 60, 80]) expect(Array.from(barLine(state, columns)).length).toBeLessThanOrEqual(columns);
  expect(barLine(state, 80)).toMatch(/fit\.jpg {2}[█#]/);
  expect(barLine({ label: "pipe", bytes: 2_048 }, 80)).toBe("pipe  2 KiB");
  expect(barLine({ label: "empty", bytes: 0, totalBytes: 0 }, 80)).toContain("100%");
  expect([formatTime(44_000), formatTime(3_723_000), formatTime(Number.POSITIVE_INFINITY)]).toEqual(["0:44", "1:02:03", "-"]);
  expect([formatBytes(0), formatBytes(1_572_864)]).toEqual(["0 B", "1.5 MiB"]);
});

test("names are shown without what moves a cursor or turns the line", () => {
  expect(escapeControls("a\u001b[2Jb\r\n\u0085\u202ec ü 漢")).toBe("a\\x1b[2Jb\\x0d\\x0a\\x85\\u202ec ü 漢");
});

test("exit codes are told apart", () => {
  expect(new Set(Object.values(EXIT_CODES)).size).toBe(Object.keys(EXIT_CODES).length);
});
