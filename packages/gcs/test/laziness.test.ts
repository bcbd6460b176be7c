import { execFileSync } from "node:child_process";
import { sourceFlags } from "../../../tools/bootstrap/toolchain.mjs";

const PROGRAM = `
  const { createRequire } = await import("node:module");
  const { digestOf } = await import("@omni/core");
  const { gcs } = await import("@omni/gcs");
  const isNative = () => Object.keys(createRequire(import.meta.url).cache).some((file) => /crc32.*[.]node$/.test(file));
  const store = gcs({ bucket: "bucket" });
  const before = isNative();
  await digestOf("crc32c", new Uint8Array(17 * 2 ** 20));
  while (!isNative()) await new Promise(setImmediate);
  console.log(before, await digestOf("crc32c", Buffer.from("123456789".repeat(100))));
  await store.close();
`;

test("a native crc32c is loaded once much has been summed, not by the factory", () => {
  const printed = execFileSync(process.execPath, [...sourceFlags(), "--input-type=module", "-e", PROGRAM], {
    encoding: "utf8",
    timeout: 60_000,
    cwd: import.meta.dirname,
  });
  expect(printed.trim()).toBe("false 0482db52");
});
