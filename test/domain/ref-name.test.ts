import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ACT_REFS,
  branchNameSchema,
  checkBranchName,
  findDirectoryConflict,
  findTwin,
  toActRef,
  toBranchRef,
  toTagRef,
} from "../../src/domain/git/ref-name.js";
import { JTI } from "./samples.js";

const run = promisify(execFile);

/** Checks many names with stock git in one process. Prints 1 for each accepted `refs/heads/<name>`. */
const ASK = 'for name do if git check-ref-format "refs/heads/$name"; then printf 1; else printf 0; fi; done';

async function askGit(names: readonly string[]): Promise<boolean[]> {
  const { stdout } = await run("sh", ["-c", ASK, "sh", ...names]);
  expect(stdout).toHaveLength(names.length);
  return [...stdout].map((answer) => answer === "1");
}

/** The rules by which this registry refuses a name that `git check-ref-format` accepts, with their messages. */
const STRICTER: readonly (readonly [RegExp, (name: string) => boolean])[] = [
  [/at most 200 bytes/, (name) => Buffer.byteLength(name) > 200],
  [/^`(?:@|HEAD)` is not a branch name/, (name) => name === "@" || name === "HEAD"],
  [/must not start with `-`/, (name) => name.startsWith("-")],
  [/without `refs\/heads\/`/, (name) => name.startsWith("refs/")],
  [/normal form C/, (name) => name !== name.normalize("NFC")],
  [/one line without control characters/, (name) => /[\u0080-\u009f\u2028\u2029]/.test(name)],
  [/invisible characters/, (name) => /\p{Cf}|\p{Co}|\p{Default_Ignorable_Code_Point}/u.test(name)],
  [/must not contain spaces/, (name) => /\p{Zs}/u.test(name)],
];

const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("feature", "a", "b", "x.y", "1.2", "é", "名", "😀", "main", "-", "_", "+", "'", '"', "$(x)", "!", "%2e"),
  },
  { weight: 2, arbitrary: fc.constantFrom("/", "//", ".", "..", "@", "@{", "{", "}", ".lock", "lock", "HEAD", "refs/", "refs/heads/") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      " ",
      "~",
      "^",
      ":",
      "?",
      "*",
      "[",
      "\\",
      "\t",
      "\n",
      "\u0001",
      "\u007f",
      "\u0085",
      "\u202e",
      "\u200b",
      "e\u0301",
      "\u2028",
      "\u00a0",
      "\u3164",
      "\ufe0f",
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 4 }) },
);
const anyName = fc
  .oneof(
    { weight: 9, arbitrary: fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")) },
    fc.string({ minLength: 190, maxLength: 215 }),
  )
  // A process argument cannot contain NUL, which has its own test.
  .map((name) => name.replaceAll("\0", ""));

describe("a branch name", () => {
  test("that is accepted is accepted by git, and one that only git accepts is refused by a stricter rule", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyName, { minLength: 80, maxLength: 80 }), async (names) => {
        const theirs = await askGit(names);
        for (const [at, name] of names.entries()) {
          const problem = checkBranchName(name);
          const stricter = STRICTER.find(([, applies]) => applies(name));
          if (problem === undefined) expect(theirs[at], `git refuses ${JSON.stringify(name)}`).toBe(true);
          else if (theirs[at]) expect(problem, `only we refuse ${JSON.stringify(name)}`).toMatch(stricter?.[0] ?? /no rule says so/);
        }
      }),
      { numRuns: 8 },
    );
  });

  test("can be refused by each stricter rule while git accepts it", async () => {
    const names = ["a".repeat(201), "é".repeat(101), "@", "HEAD", "-a", "-", "refs/heads/a", "refs/x"];
    expect(await askGit(names)).toEqual(names.map(() => true));
    for (const name of names) {
      const rule = STRICTER.find(([, applies]) => applies(name));
      expect(checkBranchName(name)).toMatch(rule?.[0] ?? /no rule says so/);
    }
  });

  test("is checked as in the examples of git's manual", async () => {
    const good = [
      "feature/hello",
      "a",
      "a.b",
      "a./b",
      "a/@",
      "@a",
      "a@",
      "head",
      "feature/HEAD",
      "a{b}",
      "é",
      "名/前",
      "😀",
      "a.lockx",
      "a".repeat(200),
    ];
    const bad = [
      "",
      ".a",
      "a/.b",
      "a..b",
      "a/",
      "/a",
      "a//b",
      "a.lock",
      "a.lock/b",
      "a.",
      "a@{b",
      "a b",
      "a~1",
      "a^",
      "a:b",
      "a?",
      "a*",
      "a[",
      "a\\b",
      "a\u007f",
      "a\n",
      "\u0001",
    ];
    expect(good.map(checkBranchName)).toEqual(good.map(() => undefined));
    expect(await askGit(good)).toEqual(good.map(() => true));
    expect(bad.filter((name) => checkBranchName(name) === undefined)).toEqual([]);
    expect(await askGit(bad)).toEqual(bad.map(() => false));
  });

  test("is refused with NUL or a lone surrogate", () => {
    expect(checkBranchName("a\0b")).toContain("must not contain");
    for (const lone of ["\ud800", "a\udc00b", "feature/\ud83d"]) expect(checkBranchName(lone)).toContain("well-formed");
  });

  test("is parsed by the schema with the same result as by the rules", () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const problem = checkBranchName(name);
        const parsed = branchNameSchema.safeParse(name);
        expect(parsed.success).toBe(problem === undefined);
        if (!parsed.success) expect(parsed.error.issues.map((issue) => issue.message)).toEqual([problem]);
      }),
    );
    expect(branchNameSchema.safeParse(1).success).toBe(false);
  });

  test("is refused with a message that contains no line break", () => {
    for (const name of ["a\nb", "a\u001b[31m", "a\u007fb", "\u0000"]) expect(checkBranchName(name)).toMatch(/^[ -~\u007f]*$/);
  });
});

describe("a directory conflict between refs", () => {
  test("is found for either ref", () => {
    expect(findDirectoryConflict("refs/heads/feature/a/b", ["refs/heads/main", "refs/heads/feature/a"])).toBe("refs/heads/feature/a");
    expect(findDirectoryConflict("refs/heads/feature/a", ["refs/heads/main", "refs/heads/feature/a/b"])).toBe("refs/heads/feature/a/b");
  });

  test("is not reported for a sibling, a prefix that is not a directory, or the ref itself", () => {
    expect(findDirectoryConflict("refs/heads/a", ["refs/heads/a", "refs/heads/ab", "refs/heads/a-b/c", "refs/tags/a/b"])).toBeUndefined();
    expect(findDirectoryConflict("refs/heads/a", [])).toBeUndefined();
  });

  const ref = fc.array(fc.constantFrom("a", "b", "ab"), { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));

  test("exists exactly if the parts of one ref are a prefix of the other's", () => {
    fc.assert(
      fc.property(ref, ref, (one, other) => {
        const [shorter, longer] = one.length < other.length ? [one.split("/"), other.split("/")] : [other.split("/"), one.split("/")];
        const begins = shorter.length < longer.length && shorter.every((part, at) => longer[at] === part);
        expect(findDirectoryConflict(one, [other]) !== undefined).toBe(begins);
        expect(findDirectoryConflict(other, [one]) !== undefined).toBe(begins);
      }),
    );
  });
});

test("refs have their full names", () => {
  expect(toBranchRef("feature/a")).toBe("refs/heads/feature/a");
  expect(toTagRef("v1.2.0")).toBe("refs/tags/v1.2.0");
  expect(toActRef(JTI)).toBe(`${ACT_REFS}${JTI}`);
});

test("a name's twin is one that differs from it, or from a folder of it, only in case or Unicode form", () => {
  const twins: readonly [string, string][] = [
    ["feature/Case", "feature/case"],
    ["feature/caf\u00e9", "feature/cafe\u0301"],
    ["CASE/x", "case"],
    ["case", "CASE/x"],
    ["feature/Dir/a", "feature/dir/b"],
    ["stra\u00dfe", "STRASSE"],
    ["\uff4dain", "main"],
    ["\u017ffeature", "sfeature"],
  ];
  for (const [name, twin] of twins) expect(findTwin(name, ["other", twin]), name).toBe(twin);
  for (const name of ["feature/case", "feature/case/x", "feature/cases", "feature", "other/Case"])
    expect(findTwin(name, ["feature/case", "x/Case"]), name).toBeUndefined();
});
