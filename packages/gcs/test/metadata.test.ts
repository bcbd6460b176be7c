import { decodeMetadata, encodeMetadata } from "../src/metadata.ts";

const STAMP = { id: "0192-write", counter: 7 };
const THEN = new Date("2003-04-05T06:07:08.009Z");

test.each([
  ["plain entries", { owner: "ada", "build-id": "42", "a.b_c": "x" }],
  ["any characters in values", { text: 'grüße, 日本 😀; a=b&c "quoted" 100%\n\t' }],
  ["empty values", { empty: "" }],
  ["spaces at the ends of values", { padded: "  x " }],
  ["capitals and other characters in keys", { Owner: "a", OWNER: "b", owner: "c", "with space": "d", ключ: "e" }],
  ["names of an object's own methods", JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}')],
  ["nothing", {}],
])("metadata comes back: %s", (_, metadata: Record<string, string>) => {
  const stored = encodeMetadata(metadata, { nonce: "n", stamp: STAMP, modifiedAt: THEN });
  // As headers would carry them: no two keys that differ in case, and no value that would remove its key.
  const keys = Object.keys(stored);
  expect(new Set(keys.map((key) => key.toLowerCase())).size).toBe(keys.length);
  expect(Object.values(stored)).not.toContain("");
  const decoded = decodeMetadata(stored);
  expect(Object.entries(decoded.metadata).sort()).toEqual(Object.entries(metadata).sort());
  expect([decoded.nonce, decoded.stamp, decoded.modifiedAt]).toEqual(["n", STAMP, THEN]);
});

test("a stamp without a counter", () => {
  expect(decodeMetadata(encodeMetadata({}, { stamp: { id: "w" } })).stamp).toEqual({ id: "w" });
});

test("the driver's own fields are not the user's", () => {
  const stored = encodeMetadata({ a: "1" }, { nonce: "n", stamp: STAMP, modifiedAt: THEN, base: "0" });
  expect(decodeMetadata(stored).metadata).toEqual({ a: "1" });
  expect(decodeMetadata(stored).base).toBe("0");
  expect(() => encodeMetadata({ "Omni-nonce": "x" }, {})).toThrow(/"Omni-nonce" begins with "omni-"/);
});

test("what others wrote under the driver's names does no harm", () => {
  const decoded = decodeMetadata({ "omni-packed": "{not JSON", "omni-modified-at": "yesterday", a: "1" });
  expect(decoded.metadata).toEqual({ a: "1", "omni-packed": "{not JSON" });
  expect(decoded.modifiedAt).toBeUndefined();
  expect(decodeMetadata({ "omni-packed": '{"a":1,"b":"2"}' }).metadata).toEqual({ b: "2" });
  expect(decodeMetadata({ "omni-packed": "null" }).metadata).toEqual({});
});
