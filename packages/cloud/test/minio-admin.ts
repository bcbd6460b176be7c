import { createCipheriv, createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { RunningServer } from "@omni/servers";

/** A user of the server. */
export interface MinioUser {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Makes a user that may do anything in one bucket and nothing elsewhere, by MinIO's admin API, of which a change of users is encrypted:
 * https://github.com/minio/madmin-go (`encrypt.go`, `user-commands.go`, `policy-commands.go`).
 */
export async function makeUser(server: RunningServer, name: string, bucket: string): Promise<MinioUser> {
  const user = { accessKeyId: name, secretAccessKey: randomBytes(18).toString("base64url") };
  const resources = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["s3:*"], Resource: resources }] };
  await send(server, "add-canned-policy", { name: `only-${bucket}` }, Buffer.from(JSON.stringify(policy)));
  const { secretAccessKey: key } = keysOf(server);
  const account = Buffer.from(JSON.stringify({ secretKey: user.secretAccessKey, status: "enabled" }));
  await send(server, "add-user", { accessKey: name }, encrypted(key, account));
  const attached = { policyName: `only-${bucket}`, userOrGroup: name, isGroup: "false" };
  await send(server, "set-user-or-group-policy", attached, Buffer.alloc(0));
  return user;
}

function keysOf({ credentials }: RunningServer): MinioUser {
  if (!credentials) throw new Error("the server has no credentials");
  return credentials as MinioUser;
}

/** salt | kind of key | nonce | one last fragment of an AES-256-GCM stream. */
function encrypted(password: string, data: Buffer): Buffer {
  const salt = randomBytes(32);
  const nonce = randomBytes(8);
  const key = pbkdf2Sync(password, salt, 8192, 32, "sha256");
  const sealed = (counter: number, text: Buffer, associated: Buffer): Buffer => {
    const place = Buffer.alloc(4);
    place.writeUInt32LE(counter);
    const cipher = createCipheriv("aes-256-gcm", key, Buffer.concat([nonce, place]));
    cipher.setAAD(associated);
    return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  };
  const start = sealed(0, Buffer.alloc(0), Buffer.alloc(0));
  const last = sealed(1, data, Buffer.concat([Buffer.from([0x80]), start]));
  return Buffer.concat([salt, Buffer.from([2]), nonce, last]);
}

/** A request signed by the root user: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
async function send(server: RunningServer, verb: string, query: Record<string, string>, body: Buffer): Promise<void> {
  const url = new URL(`/minio/admin/v3/${verb}`, server.url);
  const { accessKeyId, secretAccessKey } = keysOf(server);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const hash = createHash("sha256").update(body).digest("hex");
  const parameters = Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1));
  const search = parameters.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  const headers = { host: url.host, "x-amz-content-sha256": hash, "x-amz-date": time };
  const names = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  const canonical = ["PUT", url.pathname, search, ...lines, "", names, hash].join("\n");
  const scope = `${time.slice(0, 8)}/${server.region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const key = scope
    .split("/")
    .reduce<Buffer>(
      (previous, part) => createHmac("sha256", previous).update(part).digest(),
      Buffer.from(`AWS4${secretAccessKey}`),
    );
  const signature = createHmac("sha256", key).update(text).digest("hex");
  const answer = await fetch(`${url.href}?${search}`, {
    method: "PUT",
    body: new Uint8Array(body),
    headers: {
      "x-amz-content-sha256": hash,
      "x-amz-date": time,
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    },
  });
  if (!answer.ok) throw new Error(`${verb}: ${answer.status} ${await answer.text()}`);
}
