// Pages of listings, read past the SDK: the same entries as the SDK's parser gives.
import { setImmediate } from "node:timers/promises";
import type { ObjectInfo } from "@omni/core";
import { type S3Backend, s3 } from "@omni/s3";
import fc from "fast-check";
import { listPage } from "../src/list-page.ts";
import { type Recorded, RecordedStore } from "./recorded.ts";

const ACCOUNT = { bucket: "b", provider: "minio", accessKeyId: "k", secretAccessKey: "s" } as const;

async function entriesOf(store: S3Backend): Promise<ObjectInfo[]> {
  const entries: ObjectInfo[] = [];
  for await (const entry of store.list()) entries.push(entry);
  return entries;
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&#x3E;", '"': "&#34;", "'": "&apos;" })[sign] as string);
const element = (name: string, value: string | undefined): string => (value === undefined ? "" : `<${name}>${value}</${name}>`);

const key = fc.string({ unit: fc.constantFrom("a", "B", "/", "+", "&", "<", '"', "'", "ü", "漢", "😀", ".", "0"), minLength: 1 });
const etag = fc.constantFrom('"d41d8cd98f00b204e9800998ecf8427e"', '"0-3"', "bare", undefined);
const instant = fc.date({ min: new Date(0), max: new Date(Date.UTC(2099, 0)), noInvalidDate: true });
const object = fc
  .record({ key, etag, at: fc.option(instant, { nil: undefined }), size: fc.nat(), owner: fc.boolean() })
  .map(({ key, etag, at, size, owner }) =>
    [
      element("Key", escaped(key)),
      element("LastModified", at?.toISOString()),
      element("ETag", etag && escaped(etag)),
      element("Size", String(size)),
      owner ? "<Owner><ID>1</ID><DisplayName>Contents</DisplayName></Owner><RestoreStatus/>" : "",
      element("StorageClass", "STANDARD"),
    ].join(""),
  );
const body = fc
  .record({ objects: fc.array(object), groups: fc.array(key), space: fc.constantFrom("", "\n  "), declared: fc.boolean() })
  .map(({ objects, groups, space, declared }) => {
    const inner = [
      "<Name>b</Name><Prefix/><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>",
      ...objects.map((each) => element("Contents", each)),
      ...groups.map((each) => element("CommonPrefixes", element("Prefix", `${escaped(each)}/`))),
    ].join(space);
    const root = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">';
    return `${declared ? '<?xml version="1.0" encoding="UTF-8"?>\n' : ""}${root}${space}${inner}${space}</ListBucketResult>`;
  });

test("a page holds what the SDK's parser finds in it", async () => {
  let answer = "";
  await using double = await RecordedStore.start(() => ({ status: 200, body: answer }));
  await using ours = s3({ ...ACCOUNT, endpoint: double.url });
  // A configuration of the caller's keeps every request with the SDK.
  await using sdk = s3({ ...ACCOUNT, endpoint: double.url, clientConfig: {} });
  answer = "<ListBucketResult></ListBucketResult>";
  // Where requests go is learnt from the first one.
  expect(await entriesOf(ours)).toEqual([]);
  await fc.assert(
    fc.asyncProperty(body, async (text) => {
      answer = text;
      expect(listPage(Buffer.from(text))).toBeDefined();
      const asked = double.asked.length;
      const found = await entriesOf(ours);
      expect(double.asked).toHaveLength(asked + 1);
      expect(found).toEqual(await entriesOf(sdk));
    }),
  );
});

const contents = "<Contents><Key>a</Key><Size>1</Size></Contents>";

test.each([
  [
    "a section of raw text",
    "<ListBucketResult><Contents><Key><![CDATA[a&b]]></Key><Size>1</Size></Contents></ListBucketResult>",
    ["a&b"],
  ],
  ["a comment", `<ListBucketResult><!-- one -->${contents}</ListBucketResult>`, ["a"]],
  ["attributes", `<ListBucketResult>${contents.replace("<Key>", '<Key kind="x">')}</ListBucketResult>`, ["a"]],
])("a page with %s is read by the SDK", async (_, strange, paths) => {
  let answer = "<ListBucketResult></ListBucketResult>";
  await using double = await RecordedStore.start(() => ({ status: 200, body: answer }));
  await using store = s3({ ...ACCOUNT, endpoint: double.url });
  await entriesOf(store);
  answer = strange;
  expect(listPage(Buffer.from(strange))).toBeUndefined();
  expect((await entriesOf(store)).map(({ path }) => path)).toEqual(paths);
  expect(double.asked).toHaveLength(3);
});

test.each([
  ["cut off", `<ListBucketResult>${contents}`],
  ["cut off within an object", "<ListBucketResult><Contents><Key>a</Key><Size>1"],
  ["with an end that is another's", `<ListBucketResult>${contents.replace("</Contents>", "</Content>")}</ListBucketResult>`],
  ["followed by something", `<ListBucketResult>${contents}</ListBucketResult>more`],
  ["of something else", "<Error><Code>InternalError</Code></Error>"],
  ["empty", ""],
  ["with an unknown entity", "<ListBucketResult><Contents><Key>a&nbsp;b</Key></Contents></ListBucketResult>"],
  ["with an entity that does not end", "<ListBucketResult><Contents><Key>a&amp</Key></Contents></ListBucketResult>"],
  ["with a size in words", "<ListBucketResult><Contents><Key>a</Key><Size>one</Size></Contents></ListBucketResult>"],
  [
    "with a time without its zone",
    "<ListBucketResult><Contents><LastModified>2026-01-01T00:00:00</LastModified></Contents></ListBucketResult>",
  ],
  ["that is neither cut nor whole", "<ListBucketResult><IsTruncated>perhaps</IsTruncated></ListBucketResult>"],
])("a page %s is none", (_, text) => {
  expect(listPage(Buffer.from(text))).toBeUndefined();
});

describe("the page that comes next", () => {
  const first = `<IsTruncated>true</IsTruncated><NextContinuationToken>2</NextContinuationToken>${["a", "b", "c"].map((each) => contents.replace("a", each)).join("")}`;
  const second = `<IsTruncated>false</IsTruncated>${contents.replace("a", "d")}`;
  const pageOf = (inner: string): Recorded => ({ status: 200, body: `<ListBucketResult>${inner}</ListBucketResult>` });
  const tokenOf = (url: string): string => new URL(url, "http://store").searchParams.get("continuation-token") ?? "";

  test("is asked for when the second entry is taken, not before", async () => {
    await using double = await RecordedStore.start(({ method, url }) =>
      method === "HEAD" ? { status: 200 } : pageOf(tokenOf(url) === "" ? first : second),
    );
    await using store = s3({ ...ACCOUNT, endpoint: double.url });
    const listed = (): string[] => double.asked.filter(({ method }) => method === "GET").map(({ url }) => tokenOf(url));
    const iterator = store.list()[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ path: "a" });
    // An answer to a later request: one for the next page would have come before it.
    await store.exists("a");
    expect(listed()).toEqual([""]);
    expect((await iterator.next()).value).toMatchObject({ path: "b" });
    await double.reached(3);
    expect(listed()).toEqual(["", "2"]);
    for (const path of ["c", "d"]) expect((await iterator.next()).value).toMatchObject({ path });
    expect(await iterator.next()).toMatchObject({ done: true });
    expect(listed()).toEqual(["", "2"]);
  });

  test("fails the listing when it is its turn, and nothing when the listing is given up before", async () => {
    const denied = "<Error><Code>AccessDenied</Code></Error>";
    await using double = await RecordedStore.start(({ url }) =>
      tokenOf(url) === "" ? pageOf(first) : { status: 403, body: denied },
    );
    await using store = s3({ ...ACCOUNT, endpoint: double.url });
    const paths: string[] = [];
    const all = async (): Promise<void> => {
      for await (const { path } of store.list()) paths.push(path);
    };
    await expect(all()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    expect(paths).toEqual(["a", "b", "c"]);
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const begun = double.asked.length;
    const iterator = store.list()[Symbol.asyncIterator]();
    for (const path of ["a", "b"]) expect((await iterator.next()).value).toMatchObject({ path });
    await double.reached(begun + 2);
    // An answer to a later request: the refusal has come.
    await store.exists("a").catch(() => {});
    await iterator.return?.();
    await setImmediate();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });
});
