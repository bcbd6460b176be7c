import { storageKit } from "@omni/core/testing";
import { describeWithServer } from "@omni/servers";
import { sftp } from "@omni/sftp";
import { Stores } from "./store.ts";

// The objects are plain files: one name cannot be a file and a directory.
const known = {
  "weird keys: an object and objects below its name": "the second is refused with INVALID_PATH: a file system cannot hold both",
};

await describeWithServer("ssh", "on OpenSSH", (current) => {
  const stores = new Stores(current);
  storageKit(
    "sftp",
    () => stores.fresh(),
    { describe, test, expect },
    {
      features: sftp({ host: "unused", username: "unused", root: "/" }).features,
      known,
      reopen: (backend) => stores.again(backend),
      // Every write is several round trips and two flushes of the disk.
      pagedObjects: 300,
    },
  );
});
