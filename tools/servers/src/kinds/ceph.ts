import type { ServerKind } from "../kind.ts";
import { s3Environment } from "./s3.ts";
export const ceph: ServerKind = {
  name: "ceph",
  environment: (v) => s3Environment(v, "OMNI_CEPH"),
  probe: async () => ({ why: "not built", remedy: "" }),
  install: async () => {},
  portNames: () => [],
  plan: async () => [],
  endpoint: () => ({ url: "" }),
};
