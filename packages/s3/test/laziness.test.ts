import { execFileSync } from "node:child_process";
import { sourceFlags } from "../../../tools/bootstrap/toolchain.mjs";

/** Runs a program in a process of its own and gives what it printed. */
function printed(program: string, env: Readonly<Record<string, string>> = {}): string {
  return execFileSync(process.execPath, [...sourceFlags(), "--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 60_000,
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
  }).trim();
}

const LOADED = `
  const { createRequire } = await import("node:module");
  const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => /aws-sdk|smithy/.test(file));
`;

test("the SDK is loaded by the first call, not by the package nor by the factory", () => {
  const program = `${LOADED}
    const { s3 } = await import("@omni/s3");
    const store = s3({ bucket: "b", endpoint: "http://127.0.0.1:9", accessKeyId: "k", secretAccessKey: "s", maxAttempts: 1 });
    const before = loaded();
    await store.stat("object").catch(() => {});
    console.log(before, loaded());
    await store.close();
  `;
  expect(printed(program)).toBe("false true");
});

test("a process ends by itself when the store is closed", () => {
  const program = `
    const { s3 } = await import("@omni/s3");
    const store = s3({ bucket: "b", endpoint: "http://127.0.0.1:9", accessKeyId: "k", secretAccessKey: "s", maxAttempts: 1 });
    await store.write("object", "x").catch((error) => console.log(error.code, error.outcome));
    await store.close();
  `;
  expect(printed(program)).toBe("UNAVAILABLE not-applied");
});

const SUMMED = `
  const { createRequire } = await import("node:module");
  const { digestOf } = await import("@omni/core");
  const { s3 } = await import("@omni/s3");
  const isNative = () => Object.keys(createRequire(import.meta.url).cache).some((file) => /crc32.*[.]node$/.test(file));
  const store = s3({ bucket: "b", region: "us-east-1" });
  async function* stream(mib) {
    for (let at = 0; at < mib; at++) {
      yield new Uint8Array(2 ** 20);
      // Loading a module takes many turns: the rest of a long stream comes after it.
      while (at > 20 && at < 22 && !isNative() && process.env.NAPI_RS_NATIVE_LIBRARY_PATH === undefined) await new Promise(setImmediate);
    }
  }
  const digests = [await digestOf("crc32c", stream(2)), isNative(), await digestOf("crc32c", stream(40)), isNative()];
  console.log(...digests);
  await store.close();
`;

// crc32c of 2 and 40 MiB of zeroes, as JavaScript says them.
test("a native crc32c is loaded in the middle of a stream, once much has been summed", () => {
  expect(printed(SUMMED)).toBe("6cdf7abe false 49df135e true");
});

test("where it cannot be loaded nothing else changes", () => {
  expect(printed(SUMMED, { NAPI_RS_NATIVE_LIBRARY_PATH: "/nowhere.node" })).toBe("6cdf7abe false 49df135e false");
});
