import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeWithServer } from "@omni/servers";
import { makeBucket } from "./bucket.ts";
import { linesOf, objectsOf, omni, withDirectory } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

await describeWithServer("s3", "omni on an S3 server", (current) => {
  test(
    "put, ls, stat, cat, get, cp, mv, rm between a bucket and here",
    () =>
      withDirectory(async (cwd) => {
        const { env, bucket } = await makeBucket(current());
        const run = (...args: string[]) => omni(args, { cwd, env });
        const body = randomBytes(100_000);
        await writeFile(join(cwd, "a.bin"), body);
        const put = await run("put", "a.bin", `s3://${bucket}/in/`, "--cache-control", "no-store", "--metadata", "by=me");
        expect([put.stderr, put.code, put.stdout]).toEqual(["", 0, `+ s3://${bucket}/in/a.bin\n`]);
        const [level, facts, part, none] = await Promise.all([
          run("ls", `s3://${bucket}`),
          run("stat", "--json", `s3://${bucket}/in/a.bin`),
          run("cat", "--count", "1K", `s3://${bucket}/in/a.bin`, "--json"),
          run("ls", `s3://${bucket}/none`),
        ]);
        expect([level.stdout, none.code, part.code]).toEqual(["in/\n", 6, 0]);
        expect(objectsOf(facts.stdout)[0]).toMatchObject({ size: 100_000, cacheControl: "no-store", metadata: { by: "me" } });
        expect((await run("get", `s3://${bucket}/in/a.bin`, "back.bin")).code).toBe(0);
        expect((await readFile(join(cwd, "back.bin"))).equals(body)).toBe(true);
        expect((await run("cp", `s3://${bucket}/in/a.bin`, `s3://${bucket}/b.bin`)).code).toBe(0);
        expect((await run("mv", `s3://${bucket}/b.bin`, `s3://${bucket}/c.bin`)).code).toBe(0);
        expect(linesOf((await run("ls", "-R", `s3://${bucket}/`)).stdout)).toEqual(["c.bin", "in/a.bin"]);
        expect((await run("rm", `s3://${bucket}/c.bin`)).code).toBe(0);
        expect((await run("rm", "-r", "--yes", `s3://${bucket}/in`)).stdout).toBe(`- s3://${bucket}/in/: 1 object deleted\n`);
        expect((await run("ls", `s3://${bucket}`)).stdout).toBe("");
        const folder = await run("mkdir", `s3://${bucket}/folder`);
        expect([folder.code, folder.stderr]).toEqual([
          4,
          expect.stringMatching(/has no folders of its own: one is there with its first object/),
        ]);
      }),
    TIME_MS,
  );

  test(
    "sync to a bucket and back; the second runs transfer nothing",
    () =>
      withDirectory(async (cwd) => {
        const { env, bucket } = await makeBucket(current());
        const run = (...args: string[]) => omni(args, { cwd, env });
        await mkdir(join(cwd, "from/in"), { recursive: true });
        await writeFile(join(cwd, "from/a.txt"), "alpha");
        await writeFile(join(cwd, "from/in/b.txt"), "beta");
        const up = await run("sync", "from", `s3://${bucket}/site`);
        expect([up.stderr, up.stdout]).toEqual(["", "+ a.txt\n+ in/b.txt\nsync: 2 copied; 9 bytes\n"]);
        expect((await run("sync", "from", `s3://${bucket}/site`)).stdout).toBe("sync: 2 same; 0 bytes\n");
        expect((await run("sync", `s3://${bucket}/site/`, "back")).code).toBe(0);
        expect((await run("sync", `s3://${bucket}/site/`, "back")).stdout).toBe("sync: 2 same; 0 bytes\n");
        expect(await readFile(join(cwd, "back/in/b.txt"), "utf8")).toBe("beta");
        expect((await run("check", "from", `s3://${bucket}/site`, "--download")).code).toBe(0);
        const wrong = await omni(["ls", `s3://${bucket}`], { cwd, env: { ...env, AWS_SECRET_ACCESS_KEY: "wrong" } });
        expect([wrong.code, wrong.stdout]).toEqual([4, ""]);
        expect(wrong.stderr).toMatch(/^omni: s3 list[^\n]*\n {2}[^\n]*omni doctor[^\n]*\n$/);
      }),
    TIME_MS,
  );
});
