// What a packed tarball may hold, and must.

const allowed: readonly RegExp[] = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^[\w.]+\.schema\.json$/,
  /^src\/.+\.ts$/,
  /^dist\/.+\.(js|d\.ts)(\.map)?$/,
];
const required: readonly string[] = ["package.json", "README.md", "LICENSE"];

/**
 * @param files paths within the package
 * @returns what is wrong with them, in words
 */
export function tarballFaults(files: readonly string[]): readonly string[] {
  const there = new Set(files);
  const sources = files.filter((file) => /^src\/.+(?<!\.d)\.ts$/.test(file));
  const made = files.filter((file) => /^dist\/.+\.js$/.test(file));
  return [
    ...required.filter((file) => !there.has(file)).map((file) => `${file} is missing`),
    ...files.filter((file) => !allowed.some((pattern) => pattern.test(file))).map((file) => `${file} does not belong there`),
    ...files.filter((file) => /(^|\/)(test|tests|__tests__)\/|\.test\./.test(file)).map((file) => `${file} is a test`),
    ...sources.map(output).flatMap((file) => (there.has(file) ? [] : [`${file} was not built`])),
    ...made.filter((file) => !there.has(source(file))).map((file) => `${file} has no source any more`),
  ];
}

function output(file: string): string {
  return file.replace(/^src\//, "dist/").replace(/\.ts$/, ".js");
}

function source(file: string): string {
  return file.replace(/^dist\//, "src/").replace(/\.js$/, ".ts");
}
