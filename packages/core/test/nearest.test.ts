import { nearest } from "@omni/core";

describe("nearest", () => {
  const known = ["region", "bucket", "accessKeyId", "id"];

  test.each([
    ["regoin", "region"],
    ["bukcet", "bucket"],
    ["access_key_id", "accessKeyId"],
    ["Region", "region"],
    ["zzz", undefined],
    ["xy", undefined],
    ["", undefined],
  ])("of %j is %j", (name, meant) => expect(nearest(name, known)).toBe(meant));
});
