// Files as the page shows them.
import type { StoredObject } from "@omni/cloud";
import { CLOUDS, type CloudName, type Stores } from "./clouds.ts";

export interface FileView {
  readonly id: string;
  readonly filename: string;
  readonly cloud: CloudName;
  readonly path: string;
  readonly contentType: string;
  readonly size: number;
  /** Which rule chose the cloud. */
  readonly rule: string;
  /** Where it has to stay; absent where it may go anywhere. */
  readonly residency?: readonly string[] | undefined;
  readonly createdAt: string;
}

export function viewOf(object: StoredObject): FileView {
  const { id, filename, cloud, path, contentType, size, metadata, residency, createdAt } = object;
  return {
    id,
    filename,
    cloud: cloud as CloudName,
    path,
    contentType,
    size,
    rule: metadata.rule ?? "none",
    ...(residency ? { residency } : {}),
    createdAt,
  };
}

export interface CloudSummary {
  readonly name: CloudName;
  readonly title: string;
  readonly about: string;
  /** What kind of store it is: "file", "s3", … */
  readonly scheme: string;
  readonly residency: readonly string[];
}

export async function describeClouds({ clouds }: Stores): Promise<CloudSummary[]> {
  const places = new Map(clouds.health().map(({ name, residency }) => [name, residency]));
  return Promise.all(
    (Object.keys(CLOUDS) as CloudName[]).map(async (name) => ({
      name,
      ...CLOUDS[name],
      scheme: (await clouds[name].backend()).driver.scheme,
      residency: places.get(name) ?? [],
    })),
  );
}

/** All files, the newest first. */
export async function listFiles({ clouds, catalogue }: Stores): Promise<FileView[]> {
  const files: FileView[] = [];
  for (const name of clouds.names) for await (const object of catalogue.list(name)) files.push(viewOf(object));
  return files.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}
