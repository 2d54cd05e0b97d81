package registry.statement_test

import data.registry

said := {
	"tenant_id": "T.UBL",
	"job_type": "git.registry.tag_release",
	"level": "L4",
	"decision": "approve",
	"step_up": true,
	"actor": {"actor_id": "ubl:sid:person:b", "kind": "person", "person_id": "p-b"},
	"office_id": "office:security",
	"member_offices": ["office:security"],
	"roles": [],
	"card": {"author_person_id": "p-a", "pusher_person_ids": [], "commit_author_person_ids": [], "break_glass": false, "solo": false},
}

rules(admission) := {reason.rule | some reason in admission.reasons}

test_an_approval_counts if {
	admission := registry.statement with input as said
	admission.counts
}

test_a_decision_of_unknown_name_does_not_count if {
	every decision in ["approved", "", null, 1] {
		admission := registry.statement with input as object.union(said, {"decision": decision})
		not admission.counts
		"statement.decision" in rules(admission)
	}
}

test_a_level_of_unknown_name_does_not_count if {
	every level in ["L9", "", null, 4] {
		admission := registry.statement with input as object.union(said, {"level": level})
		not admission.counts
		"level.unknown" in rules(admission)
	}
}

test_an_actor_of_unknown_kind_does_not_count if {
	admission := registry.statement with input as object.union(said, {"actor": {"kind": "robot"}})
	not admission.counts
	rules(admission) == {"actor.kind", "actor.not_person"}
}

test_where_any_office_asks_for_a_quorum_no_agent_counts if {
	agent := object.union(said, {"level": "L2", "step_up": false, "actor": {"kind": "agent", "person_id": null}})
	lax := registry.statement with input as agent
	lax.counts
	strict := registry.statement with input as agent
		with data.policy.offices["office::agents"].approval_policy as {"min_approvals": 2}
	not strict.counts
}

test_nothing_counts_that_is_no_statement if {
	every garbage in [{}, null, [], "approve", 1, {"decision": "approve"}, {"decision": "reject"}] {
		not counts(garbage)
	}
}

test_no_member_of_an_approval_can_be_left_out if {
	every member in object.keys(said) {
		not counts(object.remove(said, {member}))
	}
}

counts(value) if {
	admission := registry.statement with input as value
	admission.counts
}
