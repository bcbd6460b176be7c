import type { Backend } from "@omni/core";
import { storageKit } from "@omni/core/testing";
import { file } from "@omni/file";
import { freshRoot, removeRoots } from "./root.ts";

const roots = new WeakMap<Backend["driver"], string>();

async function make(fsync: boolean): Promise<Backend> {
  return open(await freshRoot(), fsync);
}

function open(root: string, fsync: boolean): Backend {
  const backend = file({ root, fsync });
  roots.set(backend.driver, root);
  return backend;
}

// The layout of the objects is plain files: one name cannot be a file and a directory.
const known = {
  "weird keys: an object and objects below its name": "the second is refused with INVALID_PATH: a file system cannot hold both",
};

afterAll(removeRoots);

for (const fsync of [true, false])
  storageKit(
    fsync ? "file" : "file without fsync",
    () => make(fsync),
    { describe, test, expect },
    {
      features: file({ root: "unused", fsync }).features,
      known,
      reopen: (backend) => open(roots.get(backend.driver) as string, fsync),
    },
  );
