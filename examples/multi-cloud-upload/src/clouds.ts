// Which clouds there are, and which files go where. In development every cloud is a folder; CLOUDS_IMAGES_URL=s3://… and so on make it a bucket.
import { join } from "node:path";
import { type Clouds, defineClouds, type Rule } from "@omni/cloud";
import { type SqliteCatalogue, sqliteCatalogue } from "@omni/cloud/sqlite";
import { file } from "@omni/file";
import { gcs } from "@omni/gcs";
import { s3 } from "@omni/s3";

export type CloudName = "documents" | "images" | "media" | "europe" | "archive";

/** What the page calls the clouds, and what it says of them. */
export const CLOUDS: Readonly<Record<CloudName, { readonly title: string; readonly about: string }>> = {
  images: { title: "Images", about: "Pictures of every kind" },
  media: { title: "Media", about: "Video and sound" },
  documents: { title: "Documents", about: "Everything else" },
  europe: { title: "Europe", about: "Must stay in the EU" },
  archive: { title: "Archive", about: "By hand, in the EU" },
};

/** The first rule that matches decides; what none takes is a document. */
export const RULES: readonly Rule<CloudName>[] = [
  { name: "stays in Europe", when: { region: "eu" }, to: "europe", residency: "eu" },
  { name: "image", when: { contentType: "image/*" }, to: "images" },
  { name: "video or sound", when: { contentType: ["video/*", "audio/*"] }, to: "media" },
];

export interface Stores {
  readonly clouds: Clouds<CloudName>;
  readonly catalogue: SqliteCatalogue;
  close(): Promise<void>;
}

/**
 * @param folder of everything that is kept here: the catalogue, and the files of clouds that are folders
 * @param baseUrl where folders are reached by browsers
 */
export function openStores(folder: string, baseUrl: string, env: Readonly<Record<string, string | undefined>>): Stores {
  const local = (name: string) => ({ backend: () => file({ root: join(folder, name) }), prefix: "files", baseUrl });
  const catalogue = sqliteCatalogue(join(folder, "catalogue.sqlite"));
  const clouds = defineClouds<CloudName>(
    {
      documents: local("documents"),
      images: local("images"),
      media: local("media"),
      europe: { ...local("europe"), region: "eu", residency: "eu" },
      archive: { ...local("archive"), residency: "eu" },
    },
    { default: "documents", route: RULES, catalogue, env, use: [s3, gcs] },
  );
  const close = async (): Promise<void> => {
    await clouds.close();
    catalogue.close();
  };
  return { clouds, catalogue, close };
}
