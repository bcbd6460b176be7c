/** What an S3 server does of the things that this project relies on, seen through the official client with its defaults. */
import { type GetObjectCommandOutput, S3 } from "@aws-sdk/client-s3";
import type { Endpoint } from "../src/index.ts";
import { type Check, type Report, report } from "./report.ts";
import { conditions } from "./s3-conditions.ts";
import { lists } from "./s3-lists.ts";
import { multipart } from "./s3-multipart.ts";
import { objects } from "./s3-objects.ts";
import { signatures } from "./s3-signatures.ts";

export interface S3Checks {
  readonly s3: S3;
  readonly bucket: string;
  readonly check: Check;
  /** Another client of the same server. */
  readonly client: (change: {
    readonly keyId?: string;
    readonly secret?: string;
    readonly region?: string;
    readonly offsetMs?: number;
  }) => S3;
}

export async function checkS3({ url, credentials, region }: Endpoint): Promise<Report> {
  const counted = report();
  const client: S3Checks["client"] = ({ keyId, secret, region: other, offsetMs }) =>
    new S3({
      endpoint: url,
      region: other ?? region ?? "us-east-1",
      forcePathStyle: true,
      maxAttempts: 1,
      systemClockOffset: offsetMs ?? 0,
      credentials: { accessKeyId: keyId ?? credentials!.accessKeyId, secretAccessKey: secret ?? credentials!.secretAccessKey },
    });
  const context: S3Checks = { s3: client({}), bucket: `checks-${Date.now()}`, check: counted.check, client };
  for (const group of [objects, conditions, multipart, lists, signatures]) await group(context);
  return counted;
}

export async function body(answer: GetObjectCommandOutput): Promise<Buffer> {
  return Buffer.from(await answer.Body!.transformToByteArray());
}
