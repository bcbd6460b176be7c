import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeChromium } from "../src/chromium.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-servers-test-"));
});
afterAll(() => rm(folder, { recursive: true }));

it("takes the browser that the environment names, and asks it for its version", async () => {
  const command = join(folder, "browser");
  await writeFile(command, "#!/bin/sh\necho 'Chromium 156.0.8078.79 built on Debian'\n");
  await chmod(command, 0o755);
  expect(await probeChromium({ OMNI_CHROMIUM: command })).toEqual({ from: "path", command, version: "156.0.8078.79" });
});

it("says so when that one cannot be run, and looks for no other", async () => {
  const missing = join(folder, "missing");
  expect(await probeChromium({ OMNI_CHROMIUM: missing })).toEqual({
    why: `OMNI_CHROMIUM names ${missing}, which cannot be run`,
    remedy: "name an executable, or unset it",
  });
});
