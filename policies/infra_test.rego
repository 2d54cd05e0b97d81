package registry.infra_test

import data.registry.infra

request(job_type, context) := {
	"tenant_id": "T.UBL", "job_type": job_type, "params": {"project_id": "P.demo"}, "infra": context,
}

context(state, kind, is_registry) := {"state": state, "context": kind, "telemetry_repo": null, "is_registry": is_registry}

denials(asked) := found if found := infra.denials with input as asked

rules(asked) := {denial.rule | some denial in denials(asked)}

texts(asked) := concat(" ", [denial.text | some denial in denials(asked)])

test_an_enabled_project_and_none_at_all_pass if {
	every known in ["none", context("enabled", "sandbox", false), context("enabled", "production", false)] {
		rules(request("git.registry.push", known)) == set()
	}
}

test_every_other_state_is_denied if {
	every state in ["disabled", "missing", "unavailable"] {
		rules(request("git.registry.push", context(state, null, false))) == {concat(".", ["infra", state])}
		rules(request("git.registry.init", context(state, null, false))) == {concat(".", ["infra", state])}
	}
}

test_a_denial_names_the_project_and_the_command_that_mends_it if {
	disabled := texts(request("git.registry.push", context("disabled", "production", false)))
	contains(disabled, "ogr infra enable T.UBL/P.demo")
	missing := texts(request("git.registry.push", context("missing", null, false)))
	contains(missing, "scripts/infra/infra.sh register T.UBL/P.demo --context sandbox|production")
}

test_a_denial_stands_though_the_project_has_no_name if {
	rules({"job_type": "git.registry.push", "infra": context("missing", null, false)}) == {"infra.missing"}
	rules({"infra": context("disabled", null, false), "params": 5, "tenant_id": null}) == {"infra.disabled"}
}

test_the_project_that_keeps_the_registry_is_exempt if {
	every state in ["disabled", "missing", "unavailable", "enabled"] {
		rules(request("git.registry.push", context(state, null, true))) == set()
	}
}

test_nothing_but_true_exempts if {
	every claim in ["true", 1, null, {}, ["true"]] {
		rules(request("git.registry.push", context("disabled", null, claim))) == {"infra.disabled"}
	}
	rules(request("git.registry.push", {"state": "disabled"})) == {"infra.disabled"}
}

test_no_exemption_makes_an_unknown_state_known if {
	every state in ["asleep", "", null, 1] {
		rules(request("git.registry.push", context(state, null, true))) == {"infra.unknown"}
	}
}

test_a_sandbox_is_reset_and_nothing_else if {
	rules(request("git.registry.reset", context("enabled", "sandbox", false))) == set()
	every known in ["none", context("enabled", "production", false), context("enabled", null, false)] {
		rules(request("git.registry.reset", known)) == {"infra.not_sandbox"}
	}
}

test_the_project_that_keeps_the_registry_is_never_reset if {
	"infra.keeps_registry" in rules(request("git.registry.reset", context("enabled", "sandbox", true)))
}
