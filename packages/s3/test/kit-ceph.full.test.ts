import { kitAgainst } from "./kit-of.ts";

await kitAgainst("ceph", {
  "metadata: a listing shows the modification time that was kept":
    "a listing of S3 has the time of the upload alone; stat and read have the one that was kept",
});
