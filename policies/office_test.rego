package registry.office_test

import data.registry.office

speaker := {"office_id": "office::default", "member_offices": ["office::default"], "actor": {"actor_id": "a", "kind": "person"}}

rules(denials) := {denial.rule | some denial in denials}

test_an_empty_office_allows_nothing if {
	rules(office.action_denials("card.approve")) == {"office.action"} with input as speaker
		with data.policy.offices as {"office::default": {}}
	rules(office.target_denials("LAB_512")) == {"office.target"} with input as speaker
		with data.policy.offices as {"office::default": {}}
	rules(office.ceiling_denials("L0")) == {"office.ceiling"} with input as speaker
		with data.policy.offices as {"office::default": {}}
}

test_an_actor_without_a_kind_is_refused if {
	rules(office.membership_denials) == {"actor.kind"} with input as object.remove(speaker, {"actor"})
}

test_a_wildcard_means_nothing if {
	wild := {"office::default": {"allowed_actions": ["*"], "scope": {"targets": ["*"]}, "risk_ceiling": "*"}}
	count(office.action_denials("card.approve")) == 1 with input as speaker with data.policy.offices as wild
	count(office.target_denials("LAB_512")) == 1 with input as speaker with data.policy.offices as wild
	count(office.ceiling_denials("L0")) == 1 with input as speaker with data.policy.offices as wild
}
