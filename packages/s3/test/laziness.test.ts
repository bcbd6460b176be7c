import { execFileSync } from "node:child_process";
import { sourceFlags } from "../../../tools/bootstrap/toolchain.mjs";

/** Runs a program in a process of its own and gives what it printed. */
function printed(program: string): string {
  return execFileSync(process.execPath, [...sourceFlags(), "--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 60_000,
    cwd: import.meta.dirname,
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
