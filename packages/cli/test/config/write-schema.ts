// Writes the schema anew: node --conditions=@omni/source packages/cli/test/config/write-schema.ts
import { writeFile } from "node:fs/promises";
import { publishedSchema, SCHEMA_FILE } from "./published-schema.ts";

await writeFile(SCHEMA_FILE, publishedSchema());
