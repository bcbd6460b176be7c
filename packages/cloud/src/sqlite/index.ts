export { type SqliteCatalogue, type SqliteCatalogueOptions, sqliteCatalogue } from "./catalogue.ts";
