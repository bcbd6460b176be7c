import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { Storage } from "@google-cloud/storage";
import { describeWithServer, type RunningServer, requireServer } from "@omni/servers";
import { demo } from "./demo.ts";

const title = "the demo on S3 and Google Cloud Storage";
const s3Server = await requireServer("s3");

if ("skipped" in s3Server) describe.skip(title, () => test("needs both servers", () => expect(s3Server).toHaveProperty("url")));
else
  await describeWithServer("gcs", title, (google: () => RunningServer) => {
    const bucket = `omni-demo-${randomUUID().slice(0, 8)}`;
    let folder: string;

    beforeAll(async () => {
      const { url, region, credentials } = s3Server;
      const client = new S3Client({
        endpoint: url,
        region: region ?? "us-east-1",
        credentials: { ...credentials } as never,
        forcePathStyle: true,
      });
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      client.destroy();
      await new Storage({ apiEndpoint: google().url, projectId: "test", useAuthWithCustomEndpoint: false }).createBucket(bucket);
      folder = await mkdtemp(join(tmpdir(), "omni-demo-servers-"));
      await mkdir(join(folder, "sources/deep"), { recursive: true });
      for (const name of ["a.txt", "deep/ü b.md", "deep/c.bin"]) await writeFile(join(folder, "sources", name), name.repeat(1_000));
    });
    afterAll(async () => {
      await rm(folder, { recursive: true, force: true });
      await s3Server.stop();
    });

    test("copies to a folder, s3:// and gs://, verifies each copy, and exits with 0", async () => {
      const { url, region, credentials } = s3Server;
      const amazon = new URLSearchParams({
        endpoint: url,
        region: region ?? "us-east-1",
        access_key_id: credentials?.accessKeyId as string,
        secret_access_key: credentials?.secretAccessKey as string,
        provider: "minio",
      });
      const cloud = new URLSearchParams({ api_endpoint: google().url, project: "test" });
      const { code, stdout, stderr } = await demo(
        join(folder, "sources"),
        ...["--no-fault", "--to", `file://${join(folder, "copy")}`],
        ...["--to", `s3://${bucket}/demo?${amazon}`, "--to", `gs://${bucket}/demo?${cloud}`],
      );
      expect(stderr).toBe("copy: 3 files\nverify: 3 files\n");
      expect(stdout).toMatch(/^3 files/);
      expect(stdout).toContain(`s3://${bucket}/demo`);
      expect(stdout).toMatch(new RegExp(`gs://${bucket}/demo\\s+│ 3\\s+│ 0\\s+│ 0\\s+│ 3\\s+│ 0\\s+│ 0`));
      expect(stdout).not.toContain(credentials?.secretAccessKey);
      expect(code).toBe(0);
    });
  });
