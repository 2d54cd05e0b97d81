# What must be met before an allowed act runs, and how long its clocks are.
package registry.requirements

import data.registry.branch
import data.registry.break_glass
import data.registry.level
import data.registry.office.office
import data.registry.text

# No data loosens these (contracts "Levels"): levels and offices can only ask for more.
floor := {
	"L0": {"card": false, "approvals": 0, "step_up": false},
	"L1": {"card": false, "approvals": 0, "step_up": false},
	"L2": {"card": false, "approvals": 0, "step_up": false},
	"L3": {"card": true, "approvals": 1, "step_up": false},
	"L4": {"card": true, "approvals": 1, "step_up": true},
	"L5": {"card": true, "approvals": 2, "step_up": true},
}

card_needed(asked) if floor[asked].card

card_needed(asked) if data.policy.levels[asked].card

step_up_needed(asked) if floor[asked].step_up

step_up_needed(asked) if data.policy.levels[asked].step_up

# Below L3 nothing is asked for, until somebody opens a card and so asks for a look.
approvals_needed(asked) if card_needed(asked)

approvals_needed(_) if input.has_card

# From L3 on, whoever made the change does not approve it, unless the tenant's policy says so. Break-glass waives it.
authors_excluded(asked) if {
	level.at_least(asked, "L3")
	not data.policy.author_may_approve
}

excluded(asked) := ["author", "pusher", "commit_author"] if excludes(asked)

excluded(asked) := [] if not excludes(asked)

excludes(asked) if {
	authors_excluded(asked)
	not break_glass.declared
}

office_step_up if office.approval_policy.step_up

approvals(asked) := {
	"kind": "approvals",
	"count": max([
		1,
		floor[asked].approvals,
		data.policy.levels[asked].approvals,
		object.get(office.approval_policy, "min_approvals", 0),
		sum([n | some n in roles(asked)]),
	]),
	"roles": roles(asked),
	"step_up": step_up,
	"excludes": excluded(asked),
} if {
	step_up := count({"level" | step_up_needed(asked)} | {"office" | office_step_up}) > 0
}

# The highest number that the level, the job, the office or a row of paths asks for, for each role that one of them names.
roles(asked) := join_roles(array.concat(
	[data.policy.levels[asked], data.policy.jobs[input.job_type], office.approval_policy],
	path_rows(asked),
))

join_roles(asking) := {role: max([n | some one in asking; n := one.roles[role]]) | some one in asking; some role, _ in one.roles}

# The rows of paths that the act changes. Which paths are not known could be all of them.
path_rows(asked) := [row |
	level.at_least(asked, "L3")
	some row in data.policy.paths
	touches(row)
]

paths_known if is_array(input.facts.changed_paths)

touches(_) if not paths_known

touches(row) if {
	some path in input.facts.changed_paths
	branch.matches(row.pattern, path)
}

# A link, a submodule or a file in the place of one of its folders changes what lies below it.
touches(row) if {
	some path in input.facts.changed_paths
	startswith(row.pattern, concat("", [path, "/"]))
}

path_grounds(asked) := [text.reason("path.roles", [what, row.pattern, ", which asks for approvals", role_phrase(row.roles), "."]) |
	what := {true: "The act changes ", false: "The act may change "}[count({"known" | paths_known}) > 0]
	some row in path_rows(asked)
]

attestations := [{"kind": "attestation", "predicate_type": data.policy.jobs[input.job_type].attestation} |
	data.policy.jobs[input.job_type].attestation
]

requires(asked) := array.concat(
	[{"kind": "card"} | card_needed(asked)],
	array.concat([approvals(asked) | approvals_needed(asked)], attestations),
)

# An office's own time to live shortens a permit, never lengthens it.
permit_ttl_ms(asked) := min([data.policy.levels[asked].permit_ttl_ms, office.ttl_default_ms])

grounds(asked) := text.reason("requires.nothing", ["Nothing more is needed at level ", asked, "."]) if {
	count(requires(asked)) == 0
}

grounds(asked) := text.reason("requires.these", [
	"Level ", asked, " needs ", concat(", ", [phrase(item) | some item in requires(asked)]), ".",
]) if {
	count(requires(asked)) > 0
}

phrase(item) := "a card" if item.kind == "card"

phrase(item) := concat(" ", ["an attestation of type", item.predicate_type]) if item.kind == "attestation"

phrase(item) := concat("", [
	format_int(item.count, 10),
	{true: " approval", false: " approvals by different persons"}[item.count == 1],
	role_phrase(item.roles),
	{true: " with step-up", false: ""}[item.step_up],
]) if {
	item.kind == "approvals"
}

role_phrase(roles) := "" if count(roles) == 0

role_phrase(roles) := concat("", [" (", concat(", ", [concat(" ", [format_int(n, 10), "in the role", role]) | some role, n in roles]), ")"]) if {
	count(roles) > 0
}
