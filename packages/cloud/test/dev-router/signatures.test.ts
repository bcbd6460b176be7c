import { request as send } from "node:http";
import { defineClouds } from "@omni/cloud";
import { base, clouds, describeOnServers, flipped, put, TEXT } from "./router-servers.ts";

describeOnServers("the router's signatures", () => {
  describe("a URL that was changed is refused:", () => {
    const changes: [string, (url: URL, other: string) => void][] = [
      [
        "the path",
        (url, other) => {
          url.pathname = `/files/local/${other}`;
        },
      ],
      [
        "the path, from outside",
        (url) => {
          url.pathname = "/files/local/..%2f..%2fetc/passwd";
        },
      ],
      [
        "the cloud",
        (url) => {
          url.pathname = url.pathname.replace("/files/local/", "/more/files/cache/");
        },
      ],
      ["the expiry", (url) => url.searchParams.set("expires", String(Number(url.searchParams.get("expires")) + 1))],
      ["the method", (url) => url.searchParams.set("method", "DELETE")],
      ["one letter of the signature", (url) => flip(url, "signature")],
      ["the signature, away", (url) => url.searchParams.delete("signature")],
      ["the signature, empty", (url) => url.searchParams.set("signature", "")],
      ["a header that it asks for", (url) => url.searchParams.set("as", "text/html")],
    ];
    test.each(changes)("%s", async (_name, change) => {
      const object = await clouds.local.insert(TEXT, { filename: "a.txt" });
      const other = await clouds.local.insert(TEXT, { filename: "a.txt" });
      const url = new URL(await clouds.url(object));
      change(url, other.path);
      const answer = await fetch(url);
      expect([answer.status, await answer.text()]).toEqual([403, "the signature does not fit this request\n"]);
    });

    test("used with another method", async () => {
      const object = await clouds.local.insert(TEXT, { filename: "a.txt" });
      const url = await clouds.url(object);
      expect((await fetch(url, { method: "PUT", body: "x" })).status).toBe(405);
      expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
      expect((await clouds.load(object)).size).toBe(10);
    });

    test("the type or the length of an upload", async () => {
      const upload = await clouds.local.signUpload({ filename: "a.png", contentType: "image/png", sizeBytes: 10 });
      for (const [parameter, value] of [
        ["type", "text/html"],
        ["max", "11"],
        ["min", "0"],
      ] as const) {
        const url = new URL(upload.url);
        url.searchParams.set(parameter, value);
        expect((await put({ ...upload, url: url.href }, TEXT)).status).toBe(403);
      }
      await expect(clouds.confirm(upload.ticket)).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    test("one of another secret", async () => {
      const others = defineClouds(
        { local: { backend: clouds.local.backend, baseUrl: `${base}/files` } },
        { env: {}, secret: "another secret, long enough" },
      );
      const object = await clouds.local.insert(TEXT, { filename: "a.txt" });
      expect((await fetch(await others.url({ ...object, cloud: "local" }))).status).toBe(403);
    });
  });

  test("no path leaves the folder, also with a good signature", async () => {
    for (const path of ["../secret", "a/../../secret", "/etc/passwd", "a//b", "a\0b", ".omni/x"]) {
      const url = await clouds.local.url({ path, cloud: "local", filename: "x" } as never);
      // As it stands: fetch would resolve the dots.
      const status = await new Promise<number | undefined>((resolve, reject) =>
        send({ host: "127.0.0.1", port: new URL(base).port, path: url.slice(base.length) }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on("error", reject)
          .end(),
      );
      expect([path, status]).toEqual([path, 400]);
    }
  });
});

function flip(url: URL, parameter: string): void {
  url.searchParams.set(parameter, flipped(url.searchParams.get(parameter) ?? ""));
}
