package registry.telemetry_test

import data.registry

own := {"state": "enabled", "context": "production", "telemetry_repo": "T.UBL/P.telemetry", "is_registry": false}

append := {
	"tenant_id": "T.UBL",
	"job_type": "git.registry.telemetry_append",
	"target": "LAB_512",
	"break_glass": false,
	"has_card": false,
	"actor": {"actor_id": "ubl:sid:app:registry.telemetry", "kind": "app", "person_id": null},
	"office_id": "office:telemetry",
	"member_offices": ["office:telemetry"],
	"params": {"project_id": "P.telemetry", "from_seq": 0, "to_seq": 1, "lines": 1, "subject_hash": "x"},
	"facts": {"force": false, "deletes": false, "fast_forward": null, "project_exists": true},
	"infra": own,
}

with_members(members) := object.union(append, members)

rules(decision) := {reason.rule | some reason in decision.reasons}

test_the_service_appends_at_l0_without_a_card if {
	decision := registry.act with input as append
	decision.allowed
	decision.level == "L0"
	decision.requires == []
}

test_nobody_else_appends_whatever_office_they_hold if {
	every actor in [
		{"actor_id": "ubl:sid:person:admin", "kind": "person", "person_id": "p-a"},
		{"actor_id": "ubl:sid:app:ci", "kind": "app", "person_id": null},
		{"actor_id": "ubl:sid:agent:x", "kind": "agent", "person_id": null},
		{"actor_id": "ubl:sid:app:registry.telemetry", "kind": "person", "person_id": "p-a"},
	] {
		decision := registry.act with input as with_members({"actor": actor})
		not decision.allowed
		"telemetry.service" in rules(decision)
	}
}

test_no_office_but_its_own_lets_the_service_append if {
	every office in ["office::default", "office:registry", "office::agents"] {
		decision := registry.act with input as with_members({"office_id": office, "member_offices": [office]})
		not decision.allowed
		"office.action" in rules(decision)
	}
}

test_the_service_does_nothing_else if {
	every job in ["git.registry.push", "git.registry.init", "git.registry.tag_release", "registry.policy.publish"] {
		decision := registry.act with input as with_members({"job_type": job})
		not decision.allowed
		"telemetry.only" in rules(decision)
	}
}

test_telemetry_goes_to_the_orgs_own_repository_only if {
	every infra in [
		object.union(own, {"telemetry_repo": "T.OTHER/P.telemetry"}),
		object.union(own, {"telemetry_repo": "T.UBL/P.elsewhere"}),
		object.union(own, {"telemetry_repo": null}),
		"none",
	] {
		decision := registry.act with input as object.union(object.remove(append, {"infra"}), {"infra": infra})
		not decision.allowed
		"telemetry.destination" in rules(decision)
	}
}

test_nobody_moves_or_empties_the_telemetry_repository if {
	person := {
		"actor": {"actor_id": "ubl:sid:person:admin", "kind": "person", "person_id": "p-a"},
		"office_id": "office::default",
		"member_offices": ["office::default", "office:infra.deployer"],
	}
	every act in [
		{"job_type": "git.registry.merge_protected", "params": {"project_id": "P.telemetry", "target": "main"}},
		{"job_type": "git.registry.push", "params": {"project_id": "P.telemetry", "branch": "main"}, "facts": {"force": true}},
		{"job_type": "git.registry.push", "params": {"project_id": "P.telemetry", "branch": "main"}, "facts": {"deletes": true}},
		{"job_type": "git.registry.reset", "params": {"project_id": "P.telemetry"}},
	] {
		decision := registry.act with input as object.union(with_members(person), act)
		not decision.allowed
		"telemetry.append_only" in rules(decision)
	}
}

test_other_projects_of_the_org_are_moved_as_ever if {
	act := {
		"job_type": "git.registry.merge_protected",
		"params": {"project_id": "P.demo", "target": "main"},
		"actor": {"actor_id": "ubl:sid:person:admin", "kind": "person", "person_id": "p-a"},
		"office_id": "office::default",
		"member_offices": ["office::default"],
	}
	decision := registry.act with input as object.union(append, act)
	decision.allowed
}
