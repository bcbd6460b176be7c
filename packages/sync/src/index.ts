export { compileFilter, type Filter, type FilterOptions } from "./filter/filter.ts";
