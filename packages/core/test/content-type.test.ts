import { guessContentType } from "@omni/core";

test.each([
  ["a/photo.JPG", "image/jpeg"],
  ["notes.txt", "text/plain; charset=utf-8"],
  ["v1.2/readme", undefined],
  ["archive.tar.gz", "application/gzip"],
  ["unknown.xyz", undefined],
])("%s suggests %s", (path, type) => {
  expect(guessContentType(path)).toBe(type);
});
