import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toTagRef } from "../../src/domain/git/ref-name.js";
import { releaseTagSchema } from "../../src/domain/git/release-tag.js";

const run = promisify(execFile);
const isReleaseTag = (tag: unknown): boolean => releaseTagSchema.safeParse(tag).success;

/** The valid and invalid versions of semver.org, with build metadata separate. */
const VALID = [
  "0.0.4",
  "1.2.3",
  "10.20.30",
  "1.0.0",
  "2.0.0",
  "1.1.7",
  "1.0.0-alpha",
  "1.0.0-beta",
  "1.0.0-alpha.beta",
  "1.0.0-alpha.beta.1",
  "1.0.0-alpha.1",
  "1.0.0-alpha0.valid",
  "1.0.0-alpha.0valid",
  "1.2.3-beta",
  "10.2.3-DEV-SNAPSHOT",
  "1.2.3-SNAPSHOT-123",
  "1.0.0-0A.is.legal",
  "1.2.3----RC-SNAPSHOT.12.9.1--.12",
  "1.0.0-alpha-a.b-c-somethinglong",
  "99999999999999999999999.999999999999999999.99999999999999999",
];
const BUILD = ["1.1.2-prerelease+meta", "1.1.2+meta", "1.1.2+meta-valid", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "2.0.0+build.1848"];
const INVALID = [
  "1",
  "1.2",
  "1.2.3-0123",
  "1.2.3-0123.0123",
  "1.1.2+.123",
  "+invalid",
  "-invalid",
  "-invalid+invalid",
  "-invalid.01",
  "alpha",
  "alpha.beta",
  "alpha.beta.1",
  "alpha.1",
  "alpha+beta",
  "alpha_beta",
  "alpha.",
  "alpha..",
  "beta",
  "1.0.0-alpha_beta",
  "-alpha.",
  "1.0.0-alpha..",
  "1.0.0-alpha..1",
  "1.0.0-alpha...1",
  "1.0.0-alpha....1",
  "01.1.1",
  "1.01.1",
  "1.1.01",
  "1.2.3.DEV",
  "1.2-SNAPSHOT",
  "1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788",
  "1.2-RC-SNAPSHOT",
  "-1.0.3-gamma+b7718",
  "+justmeta",
  "9.8.7+meta+meta",
];

describe("a release tag, which is `v` and a SemVer 2.0.0 version,", () => {
  test.each(VALID.map((version) => [version]))("can be v%s", (version) => {
    expect(isReleaseTag(`v${version}`)).toBe(true);
  });

  test.each([...INVALID, ...BUILD].map((version) => [version]))("cannot be v%s", (version) => {
    expect(isReleaseTag(`v${version}`)).toBe(false);
  });

  test("can be the pre-releases of SemVer §9, 1.0.0-x.7.z.92 and 1.0.0-x-y-z.--", () => {
    for (const version of ["1.0.0-x.7.z.92", "1.0.0-x-y-z.--", "1.0.0-0.3.7"]) expect(isReleaseTag(`v${version}`)).toBe(true);
  });
});

test("has its `v`, one line, at most 100 characters and nothing around it", () => {
  for (const tag of [
    "1.2.0",
    "V1.2.0",
    "v1.2.0\n",
    "\nv1.2.0",
    " v1.2.0",
    "v1.2.0/..",
    "refs/tags/v1.2.0",
    "v1.2.0-é",
    "v1.2.0-а",
    "v１.2.0",
    "v1.2.0\0",
    "",
    "latest",
    1,
    null,
  ])
    expect(isReleaseTag(tag), JSON.stringify(tag)).toBe(false);
  expect(isReleaseTag(`v1.0.0-${"a".repeat(93)}`)).toBe(true);
  expect(isReleaseTag(`v1.0.0-${"a".repeat(94)}`)).toBe(false);
});

test("cannot be a pre-release that ends in `.lock`, which SemVer accepts and git does not", async () => {
  expect(isReleaseTag("v1.0.0-rc.lock")).toBe(false);
  expect(isReleaseTag("v1.0.0-lock")).toBe(true);
  await expect(run("git", ["check-ref-format", toTagRef("v1.0.0-rc.lock")])).rejects.toMatchObject({ code: 1 });
});

test("is accepted by stock git", async () => {
  const identifier = fc.stringMatching(/^[0-9A-Za-z-]{1,6}$/);
  const number = fc.nat(99).map(String);
  const tag = fc
    .tuple(fc.tuple(number, number, number), fc.array(fc.oneof(identifier, fc.constantFrom("lock", "-", "0")), { maxLength: 3 }))
    .map(([core, pre]) => `v${core.join(".")}${pre.length === 0 ? "" : `-${pre.join(".")}`}`);
  const script = 'for ref do git check-ref-format "$ref" || exit 1; done';
  await fc.assert(
    fc.asyncProperty(fc.array(tag, { minLength: 50, maxLength: 50 }), async (tags) => {
      await run("sh", ["-c", script, "sh", ...tags.filter(isReleaseTag).map(toTagRef)]);
    }),
    { numRuns: 3 },
  );
});
