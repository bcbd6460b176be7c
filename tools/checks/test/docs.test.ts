import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { deadAnchors } from "../../../docs/.vitepress/anchors.ts";
import { linkTarget, sitePages } from "../../../docs/.vitepress/pages.ts";
import { sidebar } from "../../../docs/.vitepress/sidebar.ts";
import { slugify } from "../../../docs/.vitepress/slug.ts";

describe("links to headings", () => {
  let dist = "";
  const write = (name: string, html: string): void => writeFileSync(join(dist, name), html);
  beforeEach(() => {
    dist = mkdtempSync(join(tmpdir(), "omni-site-"));
    mkdirSync(join(dist, "guides"));
    write("guides/one.html", '<h2 id="use">Use</h2><a href="#use">here</a><a class="x" href="/two.html#options">there</a>');
    write(
      "two.html",
      '<h2 id="options">Options</h2><a href="guides/one.html#use">back</a><a href="https://example.com/#a">away</a>',
    );
  });
  afterEach(() => rmSync(dist, { recursive: true, force: true }));

  test("are followed on the same page, to others and back; addresses elsewhere are left alone", async () => {
    expect(await deadAnchors(dist)).toEqual({ checked: 3, dead: [] });
  });

  test("that lead to nothing are told, for a missing heading and for a missing page", async () => {
    write("three.html", '<a href="/two.html#gone">x</a><a href="/four.html#use">y</a><a href="/two#options">z</a>');
    expect((await deadAnchors(dist)).dead).toEqual(["three.html: /two.html#gone", "three.html: /four.html#use"]);
  });
});

describe("pages", () => {
  test("a link between files becomes one between pages, one to a source stays a file, one to nothing is found", () => {
    expect(linkTarget("docs/guides/multi-writer.md", "../../packages/multi/README.md")).toEqual({ page: "/packages/multi.md" });
    expect(linkTarget("packages/s3/README.md", "../../docs/guides/testing.md")).toEqual({ page: "/guides/testing.md" });
    expect(linkTarget("docs/index.md", "../README.md")).toEqual({ page: "/" });
    expect(linkTarget("README.md", "packages/core")).toEqual({ page: "/packages/core.md" });
    expect(linkTarget("README.md", "docker/compose.yaml")).toEqual({ file: "docker/compose.yaml" });
    expect(linkTarget("docs/guides/testing.md", "nothing.md")).toBeUndefined();
  });

  test("every page of the documentation and of a package is in the table of contents", () => {
    const links = (items: ReturnType<typeof sidebar>): readonly string[] =>
      items.flatMap(({ link, items: below }) => [...(link === undefined ? [] : [`${link.slice(1)}.md`]), ...links(below ?? [])]);
    const listed = new Set(links(sidebar()));
    expect([...sitePages.values()].filter((page) => !listed.has(page) && !page.endsWith("index.md"))).toEqual([]);
  });
});

test.each([
  ["With a journal", "with-a-journal"],
  ["`ack()` may reject", "ack-may-reject"],
  ["What is kept, and where", "what-is-kept-and-where"],
  ["Größe und snake_case", "größe-und-snake_case"],
])("the anchor of %j is %s", (heading, anchor) => {
  expect(slugify(heading)).toBe(anchor);
});
