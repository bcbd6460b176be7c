// `npm run docs` shows the site while it is written, `npm run docs:build` makes it, in docs/.vitepress/dist.
import { existsSync } from "node:fs";
import { join } from "node:path";

import { build, createServer } from "vitepress";

import { deadAnchors } from "./anchors.ts";
import { writeApi } from "./api.ts";
import { root } from "./pages.ts";
import { writeProviders } from "./providers.ts";

const docs = join(root, "docs");

async function buildSite(): Promise<void> {
  console.log(`${await writeApi(root)} entry points in the API reference, ${writeProviders(root)} pages of providers`);
  await build(docs); // Fails for a link to a page that is not there.
  const { checked, dead } = await deadAnchors(join(docs, ".vitepress", "dist"));
  if (dead.length > 0) throw new Error(`links to headings that are not there:\n${dead.join("\n")}`);
  console.log(`${checked} links to headings lead there`);
}

async function showSite(): Promise<void> {
  writeProviders(root);
  if (!existsSync(join(docs, "api"))) await writeApi(root);
  const server = await createServer(docs);
  await server.listen();
  server.printUrls();
}

await (process.argv[2] === "build" ? buildSite() : showSite());
