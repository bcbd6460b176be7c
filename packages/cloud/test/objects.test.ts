import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { type Clouds, defineClouds, fromRow, type StoredObject, toRow, type UploadSource } from "@omni/cloud";
import { file } from "@omni/file";
import { memory } from "@omni/memory";

const PNG = Buffer.from(
  "89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c4890000000d49444154789c6360000000000500010d0a2db40000000049454e44ae426082".replaceAll(
    " ",
    "",
  ),
  "hex",
);
const TEXT = Buffer.from("dear reader,\n".repeat(500));
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

let folder: string;
let clouds: Clouds<"near" | "far">;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-cloud-test-"));
  clouds = defineClouds(
    { near: file({ root: join(folder, "near") }), far: { backend: memory(), prefix: "deep/er", region: "mars-1" } },
    { env: {} },
  );
});
afterEach(async () => {
  await clouds.close();
  await rm(folder, { recursive: true });
});

describe("insert takes", () => {
  const sources: [string, () => UploadSource | Promise<UploadSource>][] = [
    ["a path", () => written("letter.txt")],
    ["a file: URL", async () => new URL(`file://${await written("letter.txt")}`)],
    ["a Buffer", () => TEXT],
    ["an ArrayBuffer", () => new Uint8Array(TEXT).buffer],
    ["a Node stream", () => Readable.from([TEXT.subarray(0, 7), TEXT.subarray(7)])],
    ["a web stream", () => new Blob([new Uint8Array(TEXT)]).stream()],
    ["a Blob", () => new Blob([new Uint8Array(TEXT)])],
    ["a File", () => new File([new Uint8Array(TEXT)], "letter.txt", { type: "text/plain" })],
    ["a part of a form", () => ({ file: Readable.from([TEXT]), filename: "letter.txt", mimetype: "text/plain" })],
    ["strings of an iterable", () => Readable.from([TEXT.toString()])],
  ];
  test.each(sources)("%s", async (_name, make) => {
    const object = await clouds.far.insert(await make(), { filename: "letter.txt", metadata: { from: "ada" }, region: "eu" });
    expect(object).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      filename: "letter.txt",
      path: `deep/er/${object.id}/letter.txt`,
      cloud: "far",
      contentType: expect.stringMatching(/^text\/plain/),
      size: TEXT.byteLength,
      region: "mars-1",
      digest: sha256(TEXT),
      metadata: { from: "ada" },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      updatedAt: object.createdAt,
    });
    expect(JSON.parse(JSON.stringify(object))).toEqual(object);
    const info = await (await clouds.far.backend()).stat(object.path);
    expect(info).toMatchObject({ size: TEXT.byteLength, metadata: { from: "ada" }, contentType: object.contentType });
  });

  async function written(name: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, TEXT);
    return path;
  }
});

test("name and type come from the source, and what the bytes show is more than what was said", async () => {
  const photo = await clouds.insert(new File([PNG], "holiday.png", { type: "image/png" }));
  expect(photo).toMatchObject({ filename: "holiday.png", contentType: "image/png", cloud: "near", region: null });
  const disguised = await clouds.insert(PNG, { filename: "notes.txt", contentType: "text/plain" });
  expect(disguised.contentType).toBe("image/png");
  expect((await clouds.insert(Buffer.from("x"), { filename: "odd" })).contentType).toBe("application/octet-stream");
  expect(await clouds.insert(Buffer.from(""), { filename: "empty.css" })).toMatchObject({
    size: 0,
    contentType: "text/css; charset=utf-8",
  });
});

const OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const ZIP = Buffer.from(`504b0304${"00".repeat(40)}`, "hex");
const MP4 = Buffer.from("00000018667479706d703432000000006d70343269736f6d", "hex");
const XML = Buffer.from('<?xml version="1.0"?><a/>');
test.each<[string, Buffer, string | undefined, string, string]>([
  ["a zip that is said to be a document", ZIP, OFFICE, "a", OFFICE],
  ["a zip whose name is a document's", ZIP, undefined, "a.docx", OFFICE],
  ["a zip that is said to be a picture", ZIP, "image/png", "a.png", "application/zip"],
  ["a film that is said to be a sound", MP4, "audio/mp4", "a.m4a", "audio/mp4"],
  ["a film that is said to be a text", MP4, "text/plain", "a.txt", "video/mp4"],
  ["XML that is said to be more", XML, "image/svg+xml", "a.svg", "image/svg+xml"],
  ["XML that is said to be a page of another kind", XML, "image/png", "a.png", "application/xml"],
  ["a type with parameters", PNG, "image/png; q=1", "a", "image/png; q=1"],
  ["bytes of no kind", Buffer.from("x"), "application/octet-stream", "a.css", "text/css; charset=utf-8"],
])("%s", async (_name, bytes, contentType, filename, expected) => {
  expect((await clouds.insert(bytes, { filename, contentType })).contentType).toBe(expected);
});

test.each([
  ["../../etc/passwd", "passwd", "passwd"],
  ["C:\\fakepath\\Grüße & Küsse.JPG", "Grüße & Küsse.JPG", "Grüße-Küsse.JPG"],
  ["..", "..", "file"],
  ["a/", "file", "file"],
  [".htaccess", ".htaccess", "htaccess"],
  ["tab\there\0.txt", "tab\there\0.txt", "tab-here.txt"],
  [`${"ü".repeat(300)}.tar`, `${"ü".repeat(300)}.tar`, `${"ü".repeat(88)}.tar`],
  ["e\u0301.txt", "e\u0301.txt", "é.txt"],
])("the file %j", async (given, filename, last) => {
  const object = await clouds.near.insert(TEXT, { filename: given });
  expect(object.filename).toBe(filename);
  expect(object.path).toBe(`${object.id}/${last}`);
  expect((await clouds.load(object)).data).toEqual({ to: "memory", bytes: TEXT });
});

test("a row holds an object, and drivers of databases may change its kinds", async () => {
  const object = await clouds.far.insert(TEXT, { filename: "a.txt", metadata: { a: "1" } });
  expect(fromRow(toRow(object))).toEqual(object);
  expect(
    fromRow({
      ...toRow(object),
      size: String(object.size),
      metadata: { a: "1" },
      createdAt: new Date(object.createdAt),
      updatedAt: Date.parse(object.updatedAt),
    }),
  ).toEqual(object);
  expect(() => fromRow({ ...toRow(object), size: "many" })).toThrow(/column "size" is a whole number of bytes, not "many"/);
  expect(() => fromRow({ ...toRow(object), cloud: null })).toThrow(/column "cloud"/);
});

describe("load", () => {
  let object: StoredObject<"near" | "far">;
  beforeEach(async () => {
    object = await clouds.near.insert(TEXT, { filename: "a.txt" });
  });

  test("into memory, a temporary file that unload removes, and a file that it leaves", async () => {
    expect((await clouds.load(object, { to: "memory" })).data).toEqual({ to: "memory", bytes: TEXT });
    const temporary = await clouds.load(object, { to: "tmp" });
    const name = fileOf(temporary);
    expect(await readFile(name)).toEqual(TEXT);
    await clouds.unload(temporary);
    expect(existsSync(dirname(name))).toBe(false);
    const path = join(folder, "mine.txt");
    const kept = await clouds.load(object, { to: path });
    await clouds.unload(kept);
    expect(await readFile(path)).toEqual(TEXT);
  });

  test("writes over no file", async () => {
    const path = join(folder, "mine.txt");
    await writeFile(path, "mine");
    await expect(clouds.load(object, { to: path })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    expect(await readFile(path, "utf8")).toBe("mine");
  });

  test("a forged object does not make unload remove a file", async () => {
    const path = join(folder, "mine.txt");
    await writeFile(path, "mine");
    const loaded = await clouds.load(object, { to: "tmp" });
    await clouds.unload({ ...loaded, data: { to: "file", file: path } });
    expect(existsSync(path)).toBe(true);
    const name = fileOf(loaded);
    await clouds.close();
    expect(existsSync(name)).toBe(false);
  });

  test("notices that the bytes are not those that were stored", async () => {
    const store = await clouds.near.backend();
    await store.write(object.path, Buffer.from(TEXT).fill("x", 10, 11));
    await expect(clouds.load(object)).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" });
    const path = join(folder, "none.txt");
    await expect(clouds.load(object, { to: path })).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" });
    expect(existsSync(path)).toBe(false);
    await store.write(object.path, "short");
    await expect(clouds.load(object, { to: "tmp" })).rejects.toThrow(/5 bytes, not 6500/);
  });
});

describe("copies", () => {
  test("say where they are; the source stays usable, also one that was loaded", async () => {
    const source = await clouds.near.insert(TEXT, { filename: "a.txt", metadata: { k: "v" }, contentType: "text/x-letter" });
    const copied = await clouds.copyObject(source, "far");
    expect(copied).toMatchObject({
      cloud: "far",
      region: "mars-1",
      digest: source.digest,
      metadata: { k: "v" },
      contentType: "text/x-letter",
    });
    expect(copied.id).not.toBe(source.id);
    expect(await (await clouds.far.backend()).stat(copied.path)).toMatchObject({
      metadata: { k: "v" },
      contentType: "text/x-letter",
    });

    const loaded = await clouds.load(source, { to: "tmp" });
    const again = await clouds.far.insert(loaded);
    expect(again).toMatchObject({
      cloud: "far",
      filename: "a.txt",
      contentType: "text/x-letter",
      metadata: { k: "v" },
      digest: source.digest,
    });
    for (const object of [source, copied, again, await clouds.copy(source), await clouds.copy(source, { filename: "b.txt" })])
      expect((await clouds.load(object)).data).toEqual({ to: "memory", bytes: TEXT });
    expect(await readFile(fileOf(loaded))).toEqual(TEXT);
  });

  test("a move keeps the id and leaves nothing behind", async () => {
    const source = await clouds.near.insert(TEXT, { filename: "a.txt" });
    const moved = await clouds.move(source, { to: "far" });
    expect(moved).toMatchObject({ id: source.id, cloud: "far", createdAt: source.createdAt });
    await expect(clouds.read(source)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await clouds.load(moved)).data).toEqual({ to: "memory", bytes: TEXT });
    await clouds.delete(moved);
    await clouds.delete(moved);
    await expect(clouds.read(moved)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a move between two names of one folder loses nothing", async () => {
    const root = join(folder, "same");
    await using twins = defineClouds({ a: file({ root }), b: file({ root }) }, { env: {} });
    const object = await twins.a.insert(TEXT, { filename: "a.txt" });
    const moved = await twins.move(object, { to: "b" });
    expect((await twins.load(moved)).data).toEqual({ to: "memory", bytes: TEXT });
    expect(await twins.move(moved, { to: "b" })).toEqual(moved);
    expect((await twins.load(moved)).data).toEqual({ to: "memory", bytes: TEXT });
  });
});

test("an id that is there already is not written over", async () => {
  await clouds.far.insert(TEXT, { id: "one", filename: "a.txt" });
  await expect(clouds.far.insert(PNG, { id: "one", filename: "a.txt" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
});

test("a file that the form's parser cut is not stored", async () => {
  const stream = Object.assign(Readable.from([TEXT]), { truncated: true });
  await expect(clouds.insert({ file: stream, filename: "a.txt", mimetype: "text/plain" })).rejects.toMatchObject({
    code: "TOO_LARGE",
  });
  expect(await Array.fromAsync((await clouds.near.backend()).list())).toEqual([]);
});

test("a source that fails fails the insert with its own error, and stores nothing", async () => {
  async function* breaking() {
    yield randomBytes(100_000);
    throw new Error("the disk was pulled out");
  }
  await expect(clouds.far.insert(breaking())).rejects.toThrow("the disk was pulled out");
  expect(await Array.fromAsync((await clouds.far.backend()).list())).toEqual([]);
});

test.each<[UploadSource, object, RegExp]>([
  ["/no/such/file", {}, /insert "\/no\/such\/file": the source is no file that can be read; text is taken for the path/],
  [tmpdir(), {}, /is no file/],
  [7 as never, {}, /a source is a path, Buffer/],
  [TEXT, { filname: "a" }, /unknown option "filname"/],
  [TEXT, { prefix: "a/../b" }, /prefix is a folder/],
  [TEXT, { id: "a/b" }, /an id is/],
])("insert(%p, %p) is refused", async (source, options, words) => {
  await expect(clouds.insert(source, options)).rejects.toThrow(words);
});

function fileOf(loaded: { readonly data: { readonly to: string; readonly file?: string } }): string {
  if (loaded.data.file === undefined) throw new Error("loaded into memory");
  return loaded.data.file;
}
