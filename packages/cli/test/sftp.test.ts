import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { type Ended, linesOf, objectsOf, omni, withDirectory } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

/** A folder of the server, and how its places are written. */
interface Folder {
  /** The place without user and options, as the command shows it. */
  readonly shown: string;
  /** The place with whom to sign in as, and how. */
  at(path: string): string;
}

function freshFolder({ url, ssh }: RunningServer): Folder {
  if (!ssh) throw new Error(`the server ${url} tells no keys`);
  const base = `${url}/${randomUUID()}`;
  const options = new URLSearchParams({ ...ssh });
  return { shown: base.replace(/\/\/[^@]*@/, "//"), at: (path) => `${base}${path}?${options}` };
}

await describeWithServer("ssh", "omni on an SFTP server", (current) => {
  const inFolder = (
    use: (folder: Folder, run: (...args: string[]) => Promise<Ended>, cwd: string) => Promise<void>,
  ): Promise<void> => withDirectory((cwd) => use(freshFolder(current()), (...args) => omni(args, { cwd }), cwd));

  test(
    "a URL's path is a directory or the object in one: put, ls, stat, cat, cp, mv, get, rm, mkdir, rmdir",
    () =>
      inFolder(async ({ at, shown }, run, cwd) => {
        await writeFile(join(cwd, "a b.txt"), "alpha");
        const put = await run("put", "a b.txt", at("/in/"));
        expect([put.stderr, put.code, put.stdout]).toEqual(["", 0, `+ ${shown}/in/a b.txt\n`]);
        const [folder, slashed, one, facts, cat, none] = await Promise.all([
          run("ls", at("")),
          run("ls", at("/in/")),
          run("ls", at("/in/a%20b.txt")),
          run("stat", "--json", at("/in/a%20b.txt")),
          run("cat", at("/in/a%20b.txt")),
          run("ls", at("/none")),
        ]);
        expect([folder.stderr, folder.stdout, slashed.stdout, one.stdout]).toEqual(["", "in/\n", "a b.txt\n", "a b.txt\n"]);
        expect(objectsOf(facts.stdout)[0]).toMatchObject({ path: "a b.txt", size: 5 });
        expect([cat.stdout, none.code]).toEqual(["alpha", 6]);
        expect((await run("cp", at("/in/a%20b.txt"), at("/b.txt"))).stderr).toBe("");
        expect((await run("mv", at("/b.txt"), at("/out/c.txt"))).stderr).toBe("");
        expect((await run("get", at("/out/c.txt"), "back.txt")).code).toBe(0);
        expect(await readFile(join(cwd, "back.txt"), "utf8")).toBe("alpha");
        expect(linesOf((await run("ls", "-R", at("/"))).stdout)).toEqual(["in/a b.txt", "out/c.txt"]);
        expect((await run("rm", at("/out/c.txt"))).stdout).toBe(`- ${shown}/out/c.txt\n`);
        expect((await run("rm", "-r", "--yes", at("/in"))).stdout).toBe(`- ${shown}/in: 1 object deleted\n`);
        expect((await run("mkdir", at("/new/"))).stdout).toBe(`+ ${shown}/new/\n`);
        expect(linesOf((await run("ls", at(""))).stdout)).toEqual(["in/", "new/", "out/"]);
        expect((await run("rmdir", "--yes", at("/new/"))).stdout).toBe(`- ${shown}/new/\n`);
        expect(linesOf((await run("ls", at("/"))).stdout)).toEqual(["in/", "out/"]);
      }),
    TIME_MS,
  );

  test(
    "sync there and back; the folder that is named is the store, and one within the other is refused",
    () =>
      inFolder(async ({ at }, run, cwd) => {
        await mkdir(join(cwd, "from/in"), { recursive: true });
        await writeFile(join(cwd, "from/a.txt"), "alpha");
        await writeFile(join(cwd, "from/in/b.txt"), "beta");
        const up = await run("sync", "from", at("/site"));
        expect([up.stderr, up.stdout]).toEqual(["", "+ a.txt\n+ in/b.txt\nsync: 2 copied; 9 bytes\n"]);
        expect((await run("sync", "from", at("/site"))).stdout).toBe("sync: 2 same; 0 bytes\n");
        expect((await run("sync", at("/site/"), "back")).code).toBe(0);
        expect((await readdir(join(cwd, "back"))).sort()).toEqual([".omni", "a.txt", "in"]);
        expect((await run("ls", at(""))).stdout).toBe("site/\n");
        const inside = await run("sync", at("/site"), at("/site/in"));
        expect([inside.code === 0, inside.stdout]).toEqual([false, ""]);
        expect(inside.stderr).toContain('source and destination overlap at "in/"');
      }),
    TIME_MS,
  );

  test(
    "a server whose key is not known is not talked to",
    () =>
      inFolder(async ({ at }, run, cwd) => {
        await writeFile(join(cwd, "known_hosts"), "");
        const place = at("/").replace(/(knownHostsFile=)[^&]*/, `$1${encodeURIComponent(join(cwd, "known_hosts"))}`);
        const refused = await run("ls", place);
        expect([refused.code === 0, refused.stdout]).toEqual([false, ""]);
        expect(refused.stderr).toMatch(/known_hosts/);
      }),
    TIME_MS,
  );
});
