import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { faulty } from "@omni/core/testing";
import { file } from "@omni/file";
import { multi } from "@omni/multi";
import { type Configured, withConfig } from "./configured.ts";
import { linesOf, objectsOf } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

const MIRROR = {
  backends: { one: "./one", two: "./two", notes: "./notes" },
  groups: { mirror: { members: ["one", "two"], journal: "notes" }, loose: { members: ["one", "two"], mode: "best-effort" } },
} as const;

/** Writes through the group, and loses the answer of the second member's commit: a change that is decided and open. */
async function leaveOpen({ cwd }: Configured, path: string): Promise<void> {
  const two = faulty(file({ root: join(cwd, "two") }), [{ on: ["commit", "stat", "resumeStage"], do: "fail" }]);
  const members = [
    { name: "one", backend: file({ root: join(cwd, "one") }) },
    { name: "two", backend: two },
  ];
  const group = multi(members, { journal: file({ root: join(cwd, "notes") }), closeMembers: true });
  await expect(group.write(path, "new")).rejects.toMatchObject({ code: "IN_DOUBT" });
  await group.close();
}

test(
  "verify finds what differs, repair makes it good, the second repair does nothing",
  () =>
    withConfig(MIRROR, async (configured) => {
      const { cwd, run, runWith } = configured;
      for (const name of ["a.txt", "in/b.txt"]) expect((await runWith({ input: name }, "put", "-", `mirror:${name}`)).code).toBe(0);
      expect(await run("verify", "mirror")).toEqual({ code: 0, stdout: "mirror: 2 objects, 13 B: 2 alike\n", stderr: "" });
      await rm(join(cwd, "two/a.txt"));
      const found = await run("verify", "mirror");
      expect([found.code, linesOf(found.stdout)[0]]).toEqual([1, "* a.txt: missing on two (by size)"]);
      expect((await run("verify", "mirror:in/")).code).toBe(0);
      const plan = await run("repair", "mirror", "--dry-run", "--json");
      expect([plan.code, objectsOf(plan.stdout)[0]]).toEqual([0, { path: "a.txt", member: "two", action: "write", dryRun: true }]);
      expect((await run("verify", "mirror", "--json")).code).toBe(1);
      const done = await run("repair", "mirror");
      expect(done).toEqual({
        code: 0,
        stdout: "+ a.txt: two\nmirror: 2 objects examined, 1 written (5 B), 0 removed\n",
        stderr: "",
      });
      expect((await run("cat", "two:a.txt")).stdout).toBe("a.txt");
      expect((await run("repair", "mirror")).stdout).toBe("mirror: 2 objects examined, 0 written (0 B), 0 removed\n");
      expect((await run("verify", "mirror")).code).toBe(0);
    }),
  TIME_MS,
);

test(
  "an open change is listed, and finished by recover or verify",
  () =>
    withConfig(MIRROR, async (configured) => {
      const { run } = configured;
      expect(await run("intents", "mirror")).toEqual({ code: 0, stdout: "", stderr: "mirror: nothing is open\n" });
      await leaveOpen(configured, "p.txt");
      const listed = await run("intents", "mirror", "--json");
      expect([listed.code, objectsOf(listed.stdout)]).toEqual([2, [expect.objectContaining({ path: "p.txt", kind: "write" })]]);
      const planned = await run("recover", "mirror", "--dry-run");
      expect([planned.code, planned.stderr]).toEqual([0, "mirror: 1 intent would be finished\n"]);
      const late = await run("recover", "mirror", "--older-than", "1h");
      expect([late.code, late.stdout]).toEqual([
        2,
        "mirror: 0 finished, 0 without effect, 1 still open; see: omni intents mirror\n",
      ]);
      const recovered = await run("recover", "mirror");
      expect(recovered).toEqual({ code: 0, stdout: "mirror: 1 finished, 0 without effect, 0 still open\n", stderr: "" });
      expect((await run("cat", "two:p.txt")).stdout).toBe("new");
      await leaveOpen(configured, "q.txt");
      expect(await run("verify", "mirror")).toEqual({ code: 0, stdout: "mirror: 2 objects, 6 B: 2 alike\n", stderr: "" });
      expect((await run("intents", "mirror")).code).toBe(0);
    }),
  TIME_MS,
);

test(
  "what nothing explains is left alone, unless somebody says which member is right",
  () =>
    withConfig(MIRROR, async ({ cwd, run }) => {
      expect((await run("put", "omni.config.json", "one:x")).code).toBe(0);
      await writeFile(join(cwd, "other"), "another");
      expect((await run("put", "other", "two:x")).code).toBe(0);
      const found = await run("verify", "loose");
      expect([found.code, found.stdout]).toEqual([3, expect.stringContaining("nothing says which is right")]);
      const left = await run("repair", "loose");
      expect([left.code, linesOf(left.stdout)[0]]).toEqual([3, expect.stringMatching(/^\? x: left alone: /)]);
      const unasked = await run("repair", "loose", "--prefer", "two");
      expect([unasked.code, unasked.stderr]).toEqual([5, expect.stringContaining("give --yes")]);
      expect((await run("repair", "loose", "--prefer", "two", "--yes")).code).toBe(0);
      expect((await run("cat", "one:x")).stdout).toBe("another");
      expect((await run("verify", "loose")).code).toBe(0);
    }),
  TIME_MS,
);

test(
  "what cannot be done is said with the remedy",
  () =>
    withConfig(MIRROR, async ({ run }) => {
      const cases = [
        [["verify", "miror"], 64, 'did you mean "mirror"? (known: mirror, loose; omni.config.json)'],
        [["repair", "one"], 64, '"one" is a backend (omni.config.json), and this has to be a group of stores'],
        [["repair", "mirror", "--prefer", "three"], 5, "give --yes"],
        [["repair", "mirror", "--prefer", "three", "--yes"], 64, 'prefer is the name of a member: one, two, not "three"'],
        [["intents", "loose"], 4, "there is no journal"],
        [["recover", "mirror:in/"], 64, "give the group alone, mirror"],
        [["verify", "mirror", "--content", "most"], 64, "digest, size"],
      ] as const;
      for (const [args, code, words] of cases) {
        const ended = await run(...args);
        expect([args, ended.code, ended.stderr]).toEqual([args, code, expect.stringContaining(words)]);
      }
    }),
  TIME_MS,
);
