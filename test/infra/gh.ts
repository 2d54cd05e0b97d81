import { join } from "node:path";
import { createTemporaryFolder } from "../repository/real-git.js";
import type { Operator } from "./operator.js";

/** The long options of the GitHub CLI with whether they take a value. Source: GitHub CLI manual, gh-pr-{create,view,merge}(1). */
const DOCUMENTED = {
  create: {
    ...{ assignee: true, base: true, body: true, "body-file": true, draft: false, "dry-run": false, editor: false, fill: false },
    ...{ "fill-first": false, "fill-verbose": false, head: true, label: true, milestone: true, "no-maintainer-edit": false },
    ...{ project: true, recover: true, repo: true, reviewer: true, template: true, title: true, web: false },
  },
  view: { comments: false, jq: true, json: true, repo: true, template: true, web: false },
  merge: {
    ...{ admin: false, "author-email": true, auto: false, body: true, "body-file": true, "delete-branch": false, "disable-auto": false },
    ...{ "match-head-commit": true, merge: false, rebase: false, repo: true, squash: false, subject: true },
  },
};
const ARGUMENTS = { create: 0, view: 1, merge: 1 };
const FIELDS =
  "additions assignees author autoMergeRequest baseRefName baseRefOid body changedFiles closed closedAt comments commits createdAt deletions files headRefName headRefOid headRepository headRepositoryOwner id isCrossRepository isDraft labels latestReviews maintainerCanModify mergeCommit mergeStateStatus mergeable mergedAt mergedBy milestone number potentialMergeCommit projectCards projectItems reactionGroups reviewDecision reviewRequests reviews state statusCheckRollup title updatedAt url";

/**
 * Creates a program `gh` that records its calls, refuses what the GitHub CLI does not document, and answers from the given pull request
 * (`null` if there is none). Like the real one it merges only the given head. `merge` says how a merge fares: what it prints, its exit code,
 * and whether the pull request is merged after it.
 */
export function createRecordingGh(
  operator: Operator,
  pull: Readonly<Record<string, unknown>> | null,
  merge = { words: "", exit: 0, state: "MERGED" },
) {
  const statePath = join(createTemporaryFolder("ogr-gh-"), "state");
  return operator.intercept(
    "gh",
    `
const documented = ${JSON.stringify(DOCUMENTED)}, counts = ${JSON.stringify(ARGUMENTS)}, fields = ${JSON.stringify(FIELDS.split(" "))};
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const pull = ${JSON.stringify(pull)}, merge = ${JSON.stringify(merge)}, statePath = ${JSON.stringify(statePath)};
if (pull !== null && existsSync(statePath)) Object.assign(pull, JSON.parse(readFileSync(statePath, "utf8")));
const fail = (words, code = 1) => { process.stderr.write(words + "\\n"); process.exit(code); };
const [group, command, ...rest] = process.argv.slice(2);
if (group !== "pr" || !(command in documented)) fail("unknown command " + group + " " + command);
const options = {}, words = [];
for (let at = 0; at < rest.length; at++) {
  if (!rest[at].startsWith("-")) { words.push(rest[at]); continue; }
  const name = rest[at].slice(2);
  if (!rest[at].startsWith("--") || !(name in documented[command])) fail("unknown flag: " + rest[at]);
  options[name] = documented[command][name] ? rest[++at] : true;
  if (options[name] === undefined) fail("flag needs an argument: --" + name);
}
if (words.length > counts[command]) fail("accepts at most " + counts[command] + " arg(s)");
if (process.env.GH_PROMPT_DISABLED !== "1") fail("this would ask");
if (command === "create") {
  if (pull !== null) fail('a pull request for branch "' + pull.headRefName + '" into branch "main" already exists:\\n' + pull.url);
  if (!options.title || options.body === undefined) fail("must provide --title and --body when not running interactively");
  process.stdout.write("https://github.com/acme/infra/pull/12\\n");
} else if (pull === null || (words[0] !== undefined && ![String(pull.number), pull.headRefName].includes(words[0]))) {
  fail(words[0] === undefined ? 'no pull requests found for branch "x"' : "GraphQL: Could not resolve to a PullRequest with the number of " + words[0] + ".");
} else if (command === "view") {
  const asked = (options.json || "").split(",");
  const unknown = asked.find((name) => !fields.includes(name));
  if (unknown !== undefined) fail('Unknown JSON field: "' + unknown + '"');
  process.stdout.write(JSON.stringify(Object.fromEntries(asked.map((name) => [name, pull[name]]))) + "\\n");
} else {
  if ([options.merge, options.rebase, options.squash].filter(Boolean).length !== 1) fail("--merge, --rebase, or --squash required when not running interactively");
  if (options["match-head-commit"] !== undefined && options["match-head-commit"] !== (pull.moved || pull.headRefOid)) fail("GraphQL: Head branch was modified. Review and try the merge again. (mergePullRequest)");
  writeFileSync(statePath, JSON.stringify({ state: merge.state, mergeCommit: merge.state === "MERGED" ? { oid: "3".repeat(40) } : null }));
  process.stderr.write(merge.words);
  process.exitCode = merge.exit;
}`,
  );
}
