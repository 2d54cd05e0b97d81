import { type GitJobType, isCharterJob, type Job, jobSchema, type ParamsOf } from "../../domain/act/job.js";
import { toShownLine } from "../../domain/shown-text.js";

/** How many lines of a text are shown; a person reads the rest in the JSON. */
const TEXT_LINES_MAX = 200;

/** What a person decides on, by the params of each act on a project. The ids of refs are in the plan. */
const LINES: { readonly [T in GitJobType]: (params: ParamsOf<T>) => readonly string[] } = {
  "git.registry.init": ({ name, owners, visibility }) => [
    `  name      ${name}`,
    `  owners    ${owners.join(", ")}`,
    `  seen by   ${visibility}`,
  ],
  "git.registry.push": ({ branch, commit_summary, subject_hash, force, delete: deletes }) => [
    `  branch    ${branch}${deletes ? ", which is deleted" : force ? ", which may lose commits" : ""}`,
    `  summary   ${commit_summary}`,
    ...(deletes ? [] : [`  bytes     ${subject_hash}`]),
  ],
  "git.registry.tag_release": ({ tag, commit, notes }) => [
    `  tag       ${tag}`,
    `  commit    ${commit}`,
    ...(notes === "" ? ["  notes     none"] : ["  notes", ...formatTextLines(notes)]),
  ],
  "git.registry.merge_protected": ({ source, target, expected_source, expected_target, strategy }) => [
    `  merges    ${source} at ${expected_source}`,
    `  into      ${target}${expected_target === undefined ? "" : ` at ${expected_target}`}`,
    `  strategy  ${strategy}`,
  ],
  "git.registry.reset": ({ expected_refs }) => [`  deletes   every branch and tag, whose digest is ${expected_refs}`],
  "git.registry.telemetry_append": ({ from_seq, to_seq, lines, subject_hash }) => [
    `  appends   ${lines} lines about the entries after ${from_seq} up to ${to_seq}`,
    `  bytes     ${subject_hash}`,
  ],
  "git.registry.archive": ({ archived, reason }) => [`  makes it  ${archived ? "read-only" : "writable again"}`, `  because   ${reason}`],
};

/** Formats what a person decides on, without a change of the charter, which its plan shows. Shows params of a newer release as they are. */
export function formatActLines(jobType: string, params: unknown): string[] {
  const parsed = jobSchema.safeParse({ jobType, params });
  if (!parsed.success) return [toShownLine(`  params    ${JSON.stringify(params)}`)];
  return isCharterJob(parsed.data) ? [] : formatJobLines(parsed.data as Job<GitJobType>).map(toShownLine);
}

function formatJobLines<T extends GitJobType>({ jobType, params }: Job<T>): readonly string[] {
  return LINES[jobType](params);
}

/** Formats a text of several lines, each of which stays one. */
export function formatTextLines(text: string): string[] {
  const lines = text.trimEnd().split("\n");
  const shown = lines.slice(0, TEXT_LINES_MAX).map((line) => `            | ${toShownLine(line.replaceAll("\t", "    "))}`);
  const more = lines.length - shown.length;
  return more === 0 ? shown : [...shown, `            … and ${more} more lines, which --json prints`];
}
