import type { Context } from "../src/context.ts";
import { complete } from "../src/publishing.ts";
import type { Upload } from "../src/uploads.ts";

const UPLOAD: Upload = { path: "p", nonce: "mine", size: 3, partCount: 1, crc32c: undefined, uploadId: "upload-1" };

/** A store that has lost the parts of an upload, as MinIO does when the connection of a completion breaks off. */
function withoutParts(shown: object | undefined) {
  const asked: string[] = [];
  const send = async (operation: string): Promise<unknown> => {
    asked.push(operation);
    if (operation === "ListParts") return { Parts: [] };
    if (operation === "HeadObject" && shown === undefined)
      throw Object.assign(new Error("Not Found"), { $metadata: { httpStatusCode: 404 } });
    return operation === "HeadObject" ? shown : {};
  };
  const context = { send, key: (path: string) => path, settings: { profile: { checksum: "none" } } } as unknown as Context;
  return { asked, context };
}

test("an upload whose parts the store lost is aborted and gone: it would never be completed", async () => {
  const { asked, context } = withoutParts(undefined);
  await expect(complete(context, UPLOAD, {}, undefined)).rejects.toMatchObject({ code: "NOT_FOUND", outcome: "unknown" });
  expect(asked).toEqual(["ListParts", "AbortMultipartUpload", "HeadObject"]);
});

test("another's object at the path does not make it committed", async () => {
  const { context } = withoutParts({ ETag: "e", Metadata: { "omni-nonce": "another" } });
  await expect(complete(context, UPLOAD, {}, undefined)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("one that was completed meanwhile is committed", async () => {
  const { context } = withoutParts({ ETag: "e", Metadata: { "omni-nonce": "mine" } });
  expect(await complete(context, UPLOAD, {}, undefined)).toMatchObject({ ETag: "e" });
});
