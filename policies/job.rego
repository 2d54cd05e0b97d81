# What the job asks for: its level, and what rules it out whoever asks (ADR-002 §6 and §9).
package registry.job

import data.registry.branch
import data.registry.level
import data.registry.text

spec := data.policy.jobs[input.job_type]

push if input.job_type == "git.registry.push"

merge if input.job_type == "git.registry.merge_protected"

by_branch if push

by_branch if merge

branch_name := object.get(input.params, "branch", null) if push

branch_name := object.get(input.params, "target", null) if merge

row := branch.row(branch_name)

plain_push if {
	push
	not input.facts.force
	not input.facts.deletes
}

facts_stated if {
	is_boolean(input.facts.force)
	is_boolean(input.facts.deletes)
}

needs_project if {
	startswith(input.job_type, "git.registry.")
	input.job_type != "git.registry.init"
}

# Every level that a rule finds; the highest one counts.
levels contains spec.level

# What a change of the charter is at least (contracts "Charter"). The registry checks it again.
levels contains input.facts.charter_level if input.facts.charter_level

levels contains row.push if push

levels contains row.force if {
	push
	input.facts.force
}

levels contains row.delete if {
	push
	input.facts.deletes
}

levels contains row.merge if merge

found := level.highest(levels)

denials contains text.reason("job.unknown", ["The policy knows no job type ", text.quote(input.job_type), "."]) if {
	not spec
}

denials contains text.reason("job.target", [
	text.quote(input.job_type), " runs on ", spec.target, ", not on ", text.quote(input.target), ".",
]) if {
	input.target != spec.target
}

denials contains text.reason("job.level", ["The policy gives ", text.quote(input.job_type), " no level."]) if {
	spec
	not by_branch
	not spec.level
}

denials contains text.reason("facts.unknown", ["Whether the push forces or deletes is not stated."]) if {
	push
	not facts_stated
}

denials contains text.reason("branch.unknown", [
	"No rule of the policy names the branch ", text.quote(branch_name),
	"; push to ", branch.open_patterns, ", or merge into ", branch.protected_patterns, ".",
]) if {
	by_branch
	not row
}

denials contains text.reason("branch.protected", [
	text.quote(branch_name), " is protected: merge into it with git.registry.merge_protected instead of pushing to it.",
]) if {
	plain_push
	row.protected
}

denials contains text.reason("branch.not_protected", [
	text.quote(branch_name), " is not protected: push to it instead of merging into it.",
]) if {
	merge
	not row.protected
	row
}

denials contains text.reason("push.not_fast_forward", [
	"The push to ", text.quote(branch_name), " would drop commits that the branch has; rebase it, or ask for force.",
]) if {
	plain_push
	input.facts.fast_forward == false
}

denials contains text.reason("project.exists", ["A project of this name is registered already; choose another."]) if {
	input.job_type == "git.registry.init"
	input.facts.project_exists == true
}

denials contains text.reason("project.missing", ["No such project is registered; register it first."]) if {
	needs_project
	input.facts.project_exists == false
}

# Why the level is what it is, for a decision that allows.
grounds := text.reason(branch.rule_id(row), [verb, " ", text.quote(branch_name), branch.below(row), " is an act of level ", found, "."]) if {
	by_branch
}

grounds := text.reason("job.level", [input.job_type, " is an act of level ", found, "."]) if not by_branch

verb := "A merge into" if merge

verb := "A push to" if plain_push

verb := "A deletion of" if {
	push
	input.facts.deletes
}

verb := "A forced push to" if {
	push
	input.facts.force
	not input.facts.deletes
}
