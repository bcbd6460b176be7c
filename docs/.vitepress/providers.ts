// Writes a page for each S3-compatible store, from what the driver knows of it and the example that opens it, into docs/providers (not kept by git).
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { PROVIDERS, type Provider, type ProviderProfile } from "../../packages/s3/src/providers.ts";

const titles: Readonly<Record<Provider, string>> = {
  aws: "Amazon S3",
  r2: "Cloudflare R2",
  spaces: "DigitalOcean Spaces",
  tigris: "Tigris",
  minio: "MinIO",
  b2: "Backblaze B2",
  wasabi: "Wasabi",
  ceph: "Ceph",
  "gcs-interop": "Google Cloud Storage by its S3 interface",
  other: "Other S3-compatible stores",
};

/** @returns how many stores have a page */
export function writeProviders(root: string): number {
  const folder = join(root, "docs", "providers");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = Object.keys(PROVIDERS) as Provider[];
  for (const name of names) {
    const example = readFileSync(join(root, "examples", "s3-providers", "src", `${name}.ts`), "utf8");
    writeFileSync(join(folder, `${name}.md`), page(titles[name], PROVIDERS[name], example));
  }
  writeFileSync(join(folder, ".gitignore"), "*\n");
  return names.length;
}

function page(title: string, profile: ProviderProfile, example: string): string {
  const { gaps } = profile;
  const sources = profile.source.replaceAll(/https:[^\s,]+/g, "<$&>");
  return [
    `# ${title}`,
    "By [`@omni/s3`](../../packages/s3/README.md), whose page has all options, errors and costs.",
    "```sh\nnpm install @omni/core @omni/s3\n```",
    `\`\`\`ts\n${example.trimEnd()}\n\`\`\``,
    "## What the driver takes for given",
    `| | |\n| --- | --- |\n${facts(profile)
      .map(([name, value]) => `| ${name} | ${value} |`)
      .join("\n")}`,
    "Each can be overruled by an option.",
    ...(gaps.length === 0 ? [] : ["## What to know", gaps.map((gap) => `- ${gap}`).join("\n")]),
    `Source: ${sources}`,
    "",
  ].join("\n\n");
}

function facts(profile: ProviderProfile): readonly (readonly [string, string])[] {
  const { conditional, endpoint, region, pathStyle, checksum, deleteMany, multipartCopy, signedPost, tags } = profile;
  const conditions = Object.entries(conditional).flatMap(([name, has]) => (has ? [name] : []));
  return [
    [
      "address",
      endpoint === undefined ? (region === "us-east-1" && !pathStyle ? "the SDK's" : "`endpoint`, to be given") : `\`${endpoint}\``,
    ],
    ["region, where none is given", `\`${region}\``],
    ["bucket", pathStyle ? "in the path" : "in the host's name"],
    ["conditions", conditions.length === 0 ? "none" : conditions.join(", ")],
    ["checksum kept", checksum === "none" ? "none" : "CRC-32C of the whole object"],
    ["batched delete", yes(deleteMany)],
    ["copy in parts, above 5 GiB", yes(multipartCopy)],
    ["signed uploads from a browser's form", yes(signedPost)],
    ["object tags", yes(tags)],
  ];
}

function yes(has: boolean): string {
  return has ? "yes" : "no";
}
