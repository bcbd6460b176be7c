import { readFileSync } from "node:fs";
import { join } from "node:path";

import { defineConfig } from "vitepress";

import { repositoryLinks } from "./links.ts";
import { root, sitePages } from "./pages.ts";
import { sidebar } from "./sidebar.ts";
import { slugify } from "./slug.ts";

const { repository } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { repository?: { url: string } };
const address = repository?.url.replace(/^git\+/, "").replace(/\.git$/, "");

const icon =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#0d9488" stroke-width="3.5"><circle cx="12" cy="16" r="8"/><circle cx="20" cy="16" r="8"/></svg>',
  );

export default defineConfig({
  title: "Omni",
  description: "One interface over object stores and one over message queues, for applications that write to several at once.",
  lang: "en",
  base: process.env.OMNI_DOCS_BASE ?? "/",
  // The whole repository, of which the pages are chosen: READMEs stay where they are.
  srcDir: root,
  srcExclude: ["README.md", "**/CHANGELOG.md", "{.changeset,etc,docker,docs/node_modules}/**"],
  rewrites: Object.fromEntries(sitePages),
  outDir: join(root, "docs/.vitepress/dist"),
  cacheDir: join(root, "docs/.vitepress/cache"),
  lastUpdated: false,
  head: [["link", { rel: "icon", href: icon }]],
  markdown: {
    anchor: { slugify },
    headers: false,
    theme: { light: "github-light", dark: "github-dark" },
    config: (md) => repositoryLinks(md, address),
  },
  vite: {
    publicDir: false,
    optimizeDeps: { entries: [] },
    server: { watch: { ignored: ["**/{node_modules,dist,.cache,results}/**"] } },
    build: { chunkSizeWarningLimit: 4096 },
  },
  themeConfig: {
    siteTitle: "Omni",
    outline: [2, 3],
    search: { provider: "local" },
    nav: [
      { text: "Quick start", link: "/start" },
      { text: "Guides", link: "/guides/multi-writer", activeMatch: "/guides/" },
      { text: "What is promised", link: "/semantics" },
      { text: "API", link: "/api/core", activeMatch: "/api/" },
    ],
    sidebar: sidebar(),
    ...(address === undefined
      ? {}
      : { editLink: { pattern: `${address}/edit/main/:path` }, socialLinks: [{ icon: "github", link: address }] }),
    footer: { message: "MIT License" },
  },
});
