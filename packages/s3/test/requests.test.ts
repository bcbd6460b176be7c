// What an operation costs in requests: the part of the bill, and of the time, that no machine makes faster.
import { s3 } from "@omni/s3";
import { RecordedStore } from "./recorded.ts";

const objects = new Map<string, string>([["kept", "text"]]);
const page = (keys: readonly string[], next?: string): string =>
  `<ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${next === undefined ? "" : `<NextContinuationToken>${next}</NextContinuationToken>`}` +
  `${keys.map((key) => `<Contents><Key>${key}</Key><Size>4</Size></Contents>`).join("")}</ListBucketResult>`;

let recorded: RecordedStore;
let store: ReturnType<typeof s3>;

beforeAll(async () => {
  recorded = await RecordedStore.start(({ method, url }) => {
    const { pathname, searchParams } = new URL(url, "http://store");
    if (searchParams.has("delete")) return { status: 200, body: "<DeleteResult></DeleteResult>" };
    if (searchParams.has("list-type"))
      return { status: 200, body: searchParams.has("continuation-token") ? page(["c"]) : page(["a", "b"], "more") };
    if (method === "PUT") return { status: 200, headers: { etag: '"1"' } };
    if (method === "DELETE") return { status: 204 };
    const body = objects.get(pathname.replace("/b/", ""));
    if (body === undefined) return { status: 404 };
    return { status: 200, headers: { etag: '"1"', "content-length": String(body.length) }, body };
  });
  store = s3({ bucket: "b", endpoint: recorded.url, provider: "minio", accessKeyId: "k", secretAccessKey: "s" });
});

afterAll(async () => {
  await store.close();
  await recorded[Symbol.asyncDispose]();
});

async function drain(keys: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of keys) count += 1;
  return count;
}

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (const text of ["one", "two"]) yield Buffer.from(text);
}

const operations: readonly [string, readonly string[], () => Promise<unknown>][] = [
  ["a first write, which goes through the SDK", ["PUT"], () => store.write("first", "x")],
  ["a write", ["PUT"], () => store.write("kept", "text")],
  ["a write of a stream that fits into a part", ["PUT"], () => store.write("streamed", chunks())],
  ["a conditional write", ["PUT"], () => store.write("new", "x", { ifNoneMatch: "*" })],
  ["a read", ["GET"], async () => (await store.read("kept")).text()],
  ["a read of a range", ["GET"], async () => (await store.read("kept", { offset: 0, limit: 4 })).text()],
  ["a stat", ["HEAD"], () => store.stat("kept")],
  ["the question whether something is there", ["HEAD"], () => store.exists("kept")],
  ["the question about what is not there", ["HEAD"], () => store.exists("missing")],
  ["a delete", ["DELETE"], () => store.delete("kept")],
  ["a delete of many", ["POST"], () => store.deleteMany(["a", "b", "c"])],
  ["a listing of two pages", ["GET", "GET"], () => drain(store.list())],
];

test.each(operations)("%s: %j", async (_, methods, operate) => {
  const before = recorded.asked.length;
  await operate();
  expect(recorded.asked.slice(before).map(({ method }) => method)).toEqual(methods);
});
