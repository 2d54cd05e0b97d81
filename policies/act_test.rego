package registry.act_test

import data.registry

asked := {
	"tenant_id": "T.UBL",
	"job_type": "git.registry.push",
	"target": "LAB_512",
	"break_glass": false,
	"has_card": false,
	"actor": {"actor_id": "ubl:sid:person:a", "kind": "person", "person_id": "p-a"},
	"office_id": "office::default",
	"member_offices": ["office::default"],
	"params": {"branch": "feature/a"},
	"facts": {"force": false, "deletes": false, "fast_forward": true, "project_exists": true, "changed_paths": []},
	"infra": "none",
}

with_members(members) := object.union(asked, members)

rules(decision) := {reason.rule | some reason in decision.reasons}

test_a_push_to_a_feature_branch_is_l1 if {
	decision := registry.act with input as asked
	decision.allowed
	decision.level == "L1"
	decision.requires == []
}

test_risk_raises if {
	decision := registry.act with input as with_members({"risk": "L3"})
	decision.level == "L3"
	decision.requires[0] == {"kind": "card"}
}

test_risk_never_lowers if {
	decision := registry.act with input as with_members({
		"risk": "L0",
		"job_type": "git.registry.tag_release",
	})
	decision.level == "L4"
}

test_a_risk_that_is_no_level_is_denied if {
	every risk in ["L9", "l3", "", null, 5, ["L1"]] {
		decision := registry.act with input as with_members({"risk": risk})
		not decision.allowed
		"level.unknown" in rules(decision)
	}
}

test_an_actor_of_unknown_kind_is_denied if {
	every kind in ["robot", "", null, 1] {
		decision := registry.act with input as with_members({"actor": {"kind": kind}})
		not decision.allowed
		"actor.kind" in rules(decision)
	}
}

test_an_infra_state_of_unknown_name_is_denied if {
	every infra in [null, "enabled", {}, {"state": "asleep"}, []] {
		decision := registry.act with input as with_members({"infra": infra})
		not decision.allowed
		"infra.unknown" in rules(decision)
	}
}

test_nothing_is_allowed_that_is_no_request if {
	every garbage in [{}, null, [], "push", 1, {"job_type": "git.registry.push"}, {"params": {"branch": "feature/a"}}] {
		not allows(garbage)
	}
}

test_no_member_of_a_request_can_be_left_out if {
	every member in object.keys(asked) {
		not allows(object.remove(asked, {member}))
	}
}

test_no_office_makes_the_requirements_looser if {
	lax := {
		"allowed_actions": ["registry.policy.publish"], "scope": {"targets": ["LAB_512"]}, "risk_ceiling": "L5", "approval_policy": {
			"min_approvals": 0,
			"step_up": false,
		},
		"ttl_default_ms": 99999999,
	}
	decision := registry.act with input as with_members({"job_type": "registry.policy.publish"})
		with data.policy.offices as {"office::default": lax}
	decision.permit_ttl_ms == 300000
	decision.requires[1].count == 2
	decision.requires[1].step_up
}

test_no_data_makes_the_requirements_looser_than_their_floor if {
	lax := {"permit_ttl_ms": 1, "decide_within_ms": 1, "approvals": 0, "step_up": false, "card": false, "max_run_ms": 1}
	decision := registry.act with input as with_members({"job_type": "git.registry.tag_release", "risk": "L5"})
		with data.policy.levels as {"L4": lax, "L5": lax}
	[item.kind | some item in decision.requires] == ["card", "approvals"]
	decision.requires[1].count == 2
	decision.requires[1].step_up
}

allows(value) if {
	decision := registry.act with input as value
	decision.allowed
}
