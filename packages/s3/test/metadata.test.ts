import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { checkHeader, decodeMetadata, decodeValue, encodeMetadata, encodeValue } from "../src/metadata.ts";
import { PROVIDERS } from "../src/providers.ts";

const { plainMetadataKey } = PROVIDERS.aws;

test("plain metadata stands as it is, so that other tools read it", () => {
  expect(encodeMetadata({ author: "Ann Lee", my_key: "1" }, {}, plainMetadataKey)).toEqual({ author: "Ann Lee", my_key: "1" });
});

test("a value of other characters becomes words of RFC 2047, which other tools write too", () => {
  expect(encodeValue("naïve")).toBe("=?UTF-8?B?bmHDr3Zl?=");
  expect(decodeValue("=?UTF-8?Q?na=C3=AFve_text?=")).toBe("naïve text");
  expect(decodeValue("=?utf-8?b?bmHDrw==?= =?utf-8?b?dmU=?=")).toBe("naïve");
  expect(decodeValue("=?ISO-2022-JP?B?GyRC?=")).toBe("=?ISO-2022-JP?B?GyRC?=");
});

test("whatever is encoded comes back, in ASCII headers of words no longer than 75 characters", async () => {
  const text = fc.string({ unit: "binary", maxLength: 80 }).filter((value) => value.isWellFormed());
  const metadata = fc.dictionary(
    text.filter((key) => key !== "" && !key.toLowerCase().startsWith("omni-")),
    text,
    { maxKeys: 5 },
  );
  const stamp = fc.record({ id: text.filter((id) => id !== ""), counter: fc.option(fc.nat(), { nil: undefined }) });
  const property = fc.property(metadata, fc.option(stamp, { nil: undefined }), (given, written) => {
    const headers = encodeMetadata(given, { nonce: "n", stamp: written, modifiedAt: new Date(1_234) }, plainMetadataKey);
    for (const [name, value] of Object.entries(headers)) {
      expect(name).toMatch(/^[a-z0-9][a-z0-9_.-]*$/);
      expect(value).toMatch(/^[\x20-\x7e]+$/);
      for (const word of value.match(/=\?[^ ]*/g) ?? []) if (word.endsWith("?=")) expect(word.length).toBeLessThanOrEqual(75);
    }
    const back = decodeMetadata(headers);
    expect({ ...back.metadata }).toEqual({ ...given });
    expect(back.stamp?.id).toBe(written?.id);
    expect(back.stamp?.counter).toBe(written?.counter);
    expect([back.nonce, back.modifiedAt?.getTime()]).toEqual(["n", 1_234]);
  });
  for (const parameters of propertyRuns({ name: "s3 metadata" }).parameters) fc.assert(property, parameters);
});

test("fields of Omni's own are refused as keys and hidden from metadata", () => {
  expect(() => encodeMetadata({ "Omni-Nonce": "x" }, {}, plainMetadataKey)).toThrow(/begins with "omni-".*choose another/);
  expect(decodeMetadata({ "omni-nonce": "n", "omni-later": "x", a: "1" }).metadata).toEqual({ a: "1" });
});

test("a packed field that somebody broke is shown and fails nothing", () => {
  expect(decodeMetadata({ "omni-packed": "%%%" }).metadata).toEqual({ "omni-packed": "%%%" });
});

test("headers that HTTP cannot carry are refused with the remedy", () => {
  expect(checkHeader("contentDisposition", 'attachment; filename="a.txt"')).toBe('attachment; filename="a.txt"');
  expect(() => checkHeader("contentDisposition", 'attachment; filename="ä.txt"')).toThrow(/filename\*=UTF-8''/);
  expect(() => checkHeader("cacheControl", "no\r\nx: y")).toThrow(/printable ASCII/);
});
