package registry.break_glass_test

import data.registry
import data.registry.act_test.asked
import data.registry.statement_test.said

merge := {
	"job_type": "git.registry.merge_protected",
	"has_card": true,
	"params": {"project_id": "P.demo", "target": "main"},
	"break_glass": true,
}

decide(changes) := decision if {
	decision := registry.act with input as object.union(object.union(asked, merge), changes)
}

admit(changes, card) := admission if {
	admission := registry.statement with input as object.union(object.union(said, changes), {"card": card})
}

rules(answer) := {reason.rule | some reason in answer.reasons}

context(state, kind) := {"state": state, "context": kind, "telemetry_repo": null, "is_registry": false}

emergency := {"break_glass": true}

author := {"level": "L5", "actor": {"person_id": "p-a"}}

test_an_emergency_is_l5_and_excludes_nobody_from_its_quorum if {
	decision := decide({})
	decision.allowed
	decision.level == "L5"
	decision.requires[1] == {"kind": "approvals", "count": 2, "roles": {}, "step_up": true, "excludes": []}
	"break_glass" in rules(decision)
}

test_without_it_the_same_act_is_l4_and_excludes_its_makers if {
	decision := decide({"break_glass": false})
	decision.level == "L4"
	count(decision.requires[1].excludes) == 3
	not "break_glass" in rules(decision)
}

test_nothing_but_true_declares_an_emergency if {
	every value in ["true", 1, null, {}, ["true"]] {
		decision := decide({"break_glass": value, "infra": context("disabled", "production")})
		not decision.allowed
		rules(decision) == {"break_glass.unknown", "infra.disabled"}
	}
}

test_an_emergency_opens_a_disabled_project if {
	decision := decide({"infra": context("disabled", "production")})
	decision.allowed
	decision.level == "L5"
}

test_an_emergency_resets_a_disabled_sandbox_and_nothing_else if {
	reset := {"job_type": "git.registry.reset", "office_id": "office:infra.deployer", "member_offices": ["office:infra.deployer"]}
	sandbox := decide(object.union(reset, {"infra": context("disabled", "sandbox")}))
	not "infra.not_sandbox" in rules(sandbox)
	not "infra.disabled" in rules(sandbox)
	production := decide(object.union(reset, {"infra": context("disabled", "production")}))
	"infra.not_sandbox" in rules(production)
}

test_an_emergency_waives_no_other_state if {
	every state in ["missing", "unavailable"] {
		decision := decide({"job_type": "git.registry.reset", "infra": context(state, "sandbox")})
		not decision.allowed
		"infra.not_sandbox" in rules(decision)
		concat(".", ["infra", state]) in rules(decision)
	}
}

test_an_emergency_waives_no_ceiling_of_an_office if {
	deployer := {"office_id": "office:infra.deployer", "member_offices": ["office:infra.deployer"]}
	decision := decide(deployer)
	not decision.allowed
	"office.ceiling" in rules(decision)
}

test_there_is_none_for_an_act_on_no_project if {
	every job_type in ["registry.policy.publish", "registry.keys.rotate", "registry.members.change", "registry.charter.seal"] {
		decision := decide({"job_type": job_type, "office_id": "office:registry", "member_offices": ["office:registry"]})
		not decision.allowed
		rules(decision) == {"break_glass.job"}
	}
}

test_its_makers_approve_it_with_a_step_up if {
	card := {"pusher_person_ids": ["p-a"], "commit_author_person_ids": ["p-a"], "break_glass": true}
	admission := admit(author, card)
	admission.counts
	lazy := admit(object.union(author, {"step_up": false}), card)
	not lazy.counts
	rules(lazy) == {"step_up.missing"}
}

test_without_it_its_makers_do_not_approve_at_l5_either if {
	admission := admit(author, {"break_glass": false})
	not admission.counts
	rules(admission) == {"approver.author"}
}

test_its_makers_do_not_approve_an_act_below_l5_or_on_no_project if {
	every changes in [{"level": "L3"}, {"level": "L4"}, {"job_type": "registry.keys.rotate"}] {
		admission := admit(object.union(author, changes), emergency)
		not admission.counts
		rules(admission) == {"approver.author"}
	}
}

test_no_agent_approves_it if {
	admission := admit({"level": "L5", "actor": {"kind": "agent", "person_id": "p-b"}}, emergency)
	not admission.counts
	rules(admission) == {"actor.not_person"}
}
