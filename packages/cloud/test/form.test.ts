import multipart from "@fastify/multipart";
import { defineClouds } from "@omni/cloud";
import { memory } from "@omni/memory";
import fastify from "fastify";

const TEXT = Buffer.from("0123456789".repeat(1_000));

/** An application that stores the file of a form. */
async function withApplication(work: (url: string, clouds: ReturnType<typeof define>) => Promise<void>): Promise<void> {
  const clouds = define();
  const app = fastify({ forceCloseConnections: true });
  await app.register(multipart, { limits: { fileSize: 10_000 }, throwFileSizeLimit: false });
  app.post("/files", async (request) => {
    const part = await request.file();
    if (!part) throw new Error("no file");
    return clouds.insert(part, { metadata: { from: "a form" } });
  });
  try {
    await work(`${await app.listen({ port: 0, host: "127.0.0.1" })}/files`, clouds);
  } finally {
    await app.close();
    await clouds.close();
  }
}

const define = () => defineClouds({ uploads: memory() }, { env: {} });

function form(bytes: Uint8Array): FormData {
  const data = new FormData();
  data.append("file", new Blob([new Uint8Array(bytes)], { type: "text/csv" }), "Bericht März.csv");
  return data;
}

test("the part of a multipart form is stored as it streams in", () =>
  withApplication(async (url, clouds) => {
    const answer = await fetch(url, { method: "POST", body: form(TEXT) });
    const object = (await answer.json()) as Awaited<ReturnType<typeof clouds.insert>>;
    expect(object).toMatchObject({
      filename: "Bericht März.csv",
      contentType: "text/csv",
      size: 10_000,
      metadata: { from: "a form" },
    });
    expect((await clouds.load(object)).data).toEqual({ to: "memory", bytes: TEXT });
  }));

test("one that the parser cut at its limit is refused, and nothing is stored", () =>
  withApplication(async (url, clouds) => {
    const answer = await fetch(url, { method: "POST", body: form(Buffer.concat([TEXT, TEXT])) });
    expect([answer.status, ((await answer.json()) as { message: string }).message]).toEqual([
      500,
      "cloud insert: the form's parser cut the file at its limit; nothing was stored",
    ]);
    expect(await Array.fromAsync((await clouds.uploads.backend()).list())).toEqual([]);
  }));
