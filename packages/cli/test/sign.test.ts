import { randomUUID } from "node:crypto";
import { describeWithServer } from "@omni/servers";
import { makeBucket } from "./bucket.ts";
import { withConfig } from "./configured.ts";
import { linesOf, objectsOf } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

await describeWithServer("s3", "omni sign", (current) => {
  test(
    "gives URLs that read, write, and take a form",
    async () => {
      const { env, bucket } = await makeBucket(current());
      await withConfig({}, async ({ runWith }) => {
        const run = (...args: string[]) => runWith({ env }, ...args);
        const put = objectsOf(
          (await run("sign", "-X", "PUT", `s3://${bucket}/in/a.txt`, "--content-type", "text/x-note", "--json")).stdout,
        )[0];
        const { url, headers } = put as { url: string; headers: Record<string, string> };
        expect((await fetch(url, { method: "PUT", body: "hello", headers })).status).toBe(200);
        const get = await run("sign", `s3://${bucket}/in/a.txt`, "--expires", "1m", "--download-as", "ü.txt", "-q");
        expect([get.code, get.stderr]).toEqual([0, ""]);
        const response = await fetch(linesOf(get.stdout)[0] as string);
        expect([response.status, await response.text(), response.headers.get("content-type")]).toEqual([
          200,
          "hello",
          "text/x-note",
        ]);
        expect(response.headers.get("content-disposition")).toBe("attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%BC.txt");
        const post = objectsOf((await run("sign", "-X", "POST", `s3://${bucket}/form`, "--max-size", "4b", "--json")).stdout)[0];
        const { url: action, fields } = post as { url: string; fields: Record<string, string> };
        const send = async (text: string): Promise<number> => {
          const form = new FormData();
          for (const [name, value] of Object.entries(fields)) form.set(name, value);
          form.set("file", new Blob([text]));
          return (await fetch(action, { method: "POST", body: form })).status;
        };
        expect([await send("12345"), await send("1234")]).toEqual([400, 204]);
        expect((await run("cat", `s3://${bucket}/form`)).stdout).toBe("1234");
      });
    },
    TIME_MS,
  );

  test(
    "says when it ends, and refuses what cannot be",
    async () => {
      const { env, bucket } = await makeBucket(current());
      await withConfig({}, async ({ runWith }) => {
        const run = (...args: string[]) => runWith({ env }, ...args);
        const before = Date.now();
        const signed = objectsOf((await run("sign", `s3://${bucket}/x`, "--expires", "2h", "--json")).stdout)[0] as {
          expiresAt: string;
        };
        const lasts = Date.parse(signed.expiresAt) - before;
        expect(lasts).toBeGreaterThan(7_100_000);
        expect(lasts).toBeLessThan(7_500_000);
        const cases = [
          [["sign", `s3://${bucket}/x`, "--expires", "8d"], /expire|seven days|604800/i],
          [["sign", `s3://${bucket}/in/`], /names a folder/],
          [["sign", "./x"], /signUrl/],
          [["sign", `s3://${bucket}/x`, "-X", "PATCH"], /GET, PUT, POST, DELETE/],
        ] as const;
        for (const [args, words] of cases) {
          const ended = await run(...args);
          expect([ended.code === 0, ended.stdout, ended.stderr]).toEqual([false, "", expect.stringMatching(words)]);
        }
        expect((await run("sign", `s3://${randomUUID()}/x`)).code).toBe(0);
      });
    },
    TIME_MS,
  );
});
