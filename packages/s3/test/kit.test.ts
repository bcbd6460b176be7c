import { kitAgainst } from "./kit-of.ts";

const HIDDEN = "MinIO does not list objects below the name of an object";

await kitAgainst("s3", {
  "weird keys: an object and objects below its name": HIDDEN,
  "weird keys: a backslash": 'MinIO takes a backslash for a slash and refuses what looks like a ".." segment',
  "metadata: a listing shows the modification time that was kept":
    "a listing of S3 has the time of the upload alone; stat and read have the one that was kept",
});
