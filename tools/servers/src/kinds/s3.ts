/** The light S3 server of every run: MinIO, one process, objects on disk, up in half a second. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { installGo, probeGo } from "../executables.ts";
import { answers } from "../http.ts";
import type { Endpoint, ServerKind } from "../kind.ts";
import { pins } from "../versions.ts";

/** The same account on every S3 server that we start. */
export const credentials = { accessKeyId: "omni-access", secretAccessKey: "omni-secret-key" } as const;
export const region = "us-east-1";

export const s3: ServerKind = {
  name: "s3",
  environment: (variables) => s3Environment(variables, "OMNI_S3"),
  probe: () => probeGo("s3", pins.s3, ["--version"]),
  install: (say) => installGo(pins.s3, say),
  portNames: () => ["client", "console"],
  endpoint: ({ ports }) => ({ url: `http://127.0.0.1:${ports.client}`, credentials, region }),
  async plan({ directory, ports, program }) {
    const data = join(directory, "data");
    await mkdir(data, { recursive: true });
    const address = `127.0.0.1:${ports.client}`;
    const args = ["server", "--quiet", "--address", address, "--console-address", `127.0.0.1:${ports.console}`, data];
    const env = {
      MINIO_ROOT_USER: credentials.accessKeyId,
      MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
      MINIO_SITE_REGION: region, // a request signed for another region is refused, as at AWS
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
      MINIO_CI_CD: "1", // one folder of the system disk will do; no second disk is asked for
    };
    return [{ role: "server", command: program.command, args, env, ready: () => answers(`http://${address}/minio/health/ready`) }];
  },
};

/** `<prefix>_ENDPOINT` with `<prefix>_ACCESS_KEY_ID`, `<prefix>_SECRET_ACCESS_KEY` and `<prefix>_REGION`. */
export function s3Environment(variables: NodeJS.ProcessEnv, prefix: "OMNI_S3" | "OMNI_CEPH"): Endpoint | undefined {
  const url = variables[`${prefix}_ENDPOINT`];
  if (!url) return undefined;
  const accessKeyId = variables[`${prefix}_ACCESS_KEY_ID`];
  const secretAccessKey = variables[`${prefix}_SECRET_ACCESS_KEY`];
  if (!accessKeyId || !secretAccessKey) {
    throw new Error(
      `${prefix}_ENDPOINT is set (${url}) without ${prefix}_ACCESS_KEY_ID and ${prefix}_SECRET_ACCESS_KEY: set all three`,
    );
  }
  return { url, credentials: { accessKeyId, secretAccessKey }, region: variables[`${prefix}_REGION`] || region };
}
