// A file system that takes names for one that differ in case or in the form of an accent, as on macOS and Windows.
import { mkdir, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Backend, createBackend } from "@omni/core";
import { fileDriver } from "../src/driver.ts";
import { withDefaults } from "../src/options.ts";
import { freshRoot, removeRoots } from "./root.ts";

let root: string;
let backend: Backend;

const fold = (name: string): string => name.normalize("NFD").toLowerCase();

/** The name as it stands in its directory, found as such a file system finds it. */
async function realPathOf(path: string): Promise<string> {
  const names = await readdir(dirname(path));
  const found = names.find((name) => fold(name) === fold(basename(path)));
  return found === undefined ? realpath(path) : join(await realpath(dirname(path)), found);
}

beforeEach(async () => {
  root = await freshRoot();
  // By this name the driver finds out: it made ".omni".
  await mkdir(join(root, ".OMNI"));
  backend = createBackend(fileDriver(withDefaults({ root, fsync: false }), { realPathOf }));
});
afterAll(removeRoots);

test.each([
  ["README", "readme"],
  ["a/Notes.txt", "a/notes.txt"],
  ["Folder/x", "folder/y"],
  ["caf\u00e9", "cafe\u0301"],
])("%s is there: %s is refused and says why", async (there, asked) => {
  await backend.write(there, "first");
  const refused = {
    code: "INVALID_PATH",
    message: expect.stringMatching(/takes ".*" and ".*" for one name, and the first is there/),
  };
  await expect(backend.write(asked, "second")).rejects.toMatchObject(refused);
  await expect(backend.read(asked)).rejects.toMatchObject(refused);
  await expect(backend.stat(asked)).rejects.toMatchObject(refused);
  await expect(backend.delete(asked)).rejects.toMatchObject(refused);
  await backend.write(there, "again");
  expect(await (await backend.read(there)).text()).toBe("again");
});
