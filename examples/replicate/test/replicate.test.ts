import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";
import { replicate } from "../src/replicate.ts";
import { demo } from "./demo.ts";

describe("the demo", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "omni-replicate-test-"));
    await mkdir(join(folder, "sub dir"), { recursive: true });
    for (let at = 0; at < 6; at++) await writeFile(join(folder, "sub dir", `file ${at}.txt`), `content ${at}\n`.repeat(at * 100));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("copies a folder while one store fails, verifies, and exits with 0", async () => {
    const { code, stdout } = await demo(folder);
    expect(stdout).toMatch(/^6 files/);
    expect(stdout).toMatch(/folder one\s+│ 6\s+│ 0\s+│ 0\s+│ 6/);
    expect(stdout).toMatch(/folder two\s+│ 2\s+│ 4\s+│ 0\s+│ 2\s+│ 4/);
    expect(stdout).toContain("at least 2 of 3 members hold the whole object");
    expect(stdout).toContain("verified: every file has the same SHA-256");
    expect(code).toBe(0);
  });

  test("takes stores by URL", async () => {
    const { code, stdout } = await demo(
      folder,
      "--to",
      "memory:",
      "--to",
      `file://${join(folder, ".omni-copy")}`,
      "--to",
      `file://${join(folder, ".omni-copy2")}`,
      "--no-fault",
    );
    expect(stdout).toContain("rejected: none");
    expect(code).toBe(0);
  });

  test("says what is wrong with a folder that is not there, and with an unknown flag", async () => {
    const missing = await demo(join(folder, "nowhere"));
    expect(missing).toMatchObject({ code: 2, stdout: "" });
    expect(missing.stderr).toContain("nowhere");
    expect((await demo("--nonsense")).code).toBe(2);
  });
});

test("a copy with other bytes, and a file that too few hold, are both found", async () => {
  const source = memory();
  await source.write("changed", "good");
  await source.write("short", "short");
  const [whole, changed, lost] = [memory(), memory(), memory()];
  // What the group wrote is changed behind its back before it is verified.
  const report = await replicate(source, ["changed", "short"], multi([whole, changed, lost]), (phase, path) => {
    if (phase === "copy" && path === "changed") void changed.write("changed", "evil");
    if (phase === "copy" && path === "short") void lost.delete("short");
  });
  expect(report.short).toEqual(expect.arrayContaining(["changed", "short"]));
  expect(report.members.map(({ verified, missing, differing }) => [verified, missing, differing])).toEqual([
    [2, 0, 0],
    [1, 0, 1],
    [1, 1, 0],
  ]);
});
