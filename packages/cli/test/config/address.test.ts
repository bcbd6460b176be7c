import { parseAddress, shown } from "../../src/config/address.ts";

const at = (text: string) => parseAddress(text, "/home/ada");

describe("what a text for a store means", () => {
  test.each([
    ["s3://bucket/a/b.txt", "s3", "bucket", "a/b.txt", ""],
    ["S3://bucket", "s3", "bucket", "", ""],
    ["gs://bucket/?project=p", "gs", "bucket", "", "project=p"],
    ["s3://bucket/a%20b%3F/%25", "s3", "bucket", "a b?/%", ""],
    ["s3://bucket/ü/日本 x", "s3", "bucket", "ü/日本 x", ""],
    ["mycloud://photos/x?api_key=k#note", "mycloud", "photos", "x", "api_key=k"],
  ])("%s is a URL", (text, scheme, host, path, query) => {
    const address = at(text);
    expect(address).toMatchObject({ kind: "url", scheme, host, path });
    expect("query" in address && address.query.toString()).toBe(query);
  });

  test.each([
    ["photos:a/b.txt", "photos", "a/b.txt"],
    ["photos:", "photos", ""],
    ["user-uploads:a:b", "user-uploads", "a:b"],
  ])("%s is a name and a path", (text, name, path) => expect(at(text)).toEqual({ kind: "name", name, path }));

  test.each([
    ["./a", "/home/ada/a", false, undefined],
    ["a/b:c", "/home/ada/a/b:c", false, undefined],
    ["data", "/home/ada/data", false, "data"],
    ["/var/x/", "/var/x", true, undefined],
    ["..", "/home", false, undefined],
    ["file:///var/a%20b/", "/var/a b/", true, undefined],
    ["file:///var/x?fsync=false", "/var/x", false, undefined],
  ])("%s is local", (text, file, isFolder, bare) => {
    expect(at(text)).toEqual({ kind: "local", file, isFolder, ...(bare === undefined ? {} : { bare }) });
  });

  test.each([
    ["", "an empty text names no store"],
    ["s3://bucket/100%", "write %25 for the character itself"],
    ["file://host/share", "write file:///absolute/path"],
  ])("%j is refused", (text, message) => expect(() => at(text)).toThrow(message));

  test("is shown without user and options", () => {
    expect(shown("nats://ada:secret@host/x?token=abc")).toBe('"nats://***@host/x?…"');
  });
});
