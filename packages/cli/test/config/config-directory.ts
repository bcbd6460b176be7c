import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const PACKAGES = join(import.meta.dirname, "../../..");

const made: string[] = [];

afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

/** A directory with files in it and packages of this repository installed, that goes after the tests of the file. */
export function configDirectory(files: Readonly<Record<string, string>>, installed: readonly string[] = []): string {
  const directory = mkdtempSync(join(tmpdir(), "omni-cli-"));
  made.push(directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  if (installed.length > 0) mkdirSync(join(directory, "node_modules/@omni"), { recursive: true });
  for (const name of installed) symlinkSync(join(PACKAGES, name), join(directory, "node_modules/@omni", name));
  return directory;
}
