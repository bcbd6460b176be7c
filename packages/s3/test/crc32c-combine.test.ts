import { propertyRuns } from "@omni/property";
import fc from "fast-check";
import { combineCrc32c } from "../src/crc32c-combine.ts";
import { crcOf } from "../src/multipart.ts";

test("checksums of parts make the checksum of the whole", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 500 }), fc.uint8Array({ maxLength: 500 }), (a, b) => {
    expect(combineCrc32c(crcOf(a), crcOf(b), b.byteLength)).toBe(crcOf(Buffer.concat([a, b])));
  });
  for (const parameters of propertyRuns({ name: "s3 combined crc32c" }).parameters) fc.assert(property, parameters);
});
