// A process that imports one thing and, where it is told a place, asks an S3 server one question. It prints how long that took, from its first line on.
// No TypeScript, whose types would be stripped at each start.

/** Who asks a question of the server, and how: whether an object is there that is not. */
const questions = {
  /** @param {typeof import("@omni/s3")} omni */
  "@omni/s3": async ({ s3 }, { url, ...account }) => {
    const store = s3({ ...account, provider: "minio", endpoint: url });
    const found = await store.exists("nothing");
    await store.close();
    return found;
  },
  /** @param {typeof import("@aws-sdk/client-s3")} sdk */
  "@aws-sdk/client-s3": async ({ S3Client, HeadObjectCommand }, { url, region, bucket, ...credentials }) => {
    const client = new S3Client({ endpoint: url, region, forcePathStyle: true, credentials });
    const found = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: "nothing" })).catch((error) => {
      if (error.$metadata?.httpStatusCode === 404) return false;
      throw error;
    });
    client.destroy();
    return found !== false;
  },
};

const began = performance.now();
const [specifier = "", place] = process.argv.slice(2);
const module = await import(specifier);
if (place !== undefined && (await questions[specifier](module, JSON.parse(place)))) throw new Error("there is nothing there");
process.stdout.write(String(performance.now() - began));
