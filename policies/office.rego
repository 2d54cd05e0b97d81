# What an office lets the actor do who acts through it. An office is stricter than the policy, never looser.
package registry.office

import data.registry.level
import data.registry.text

office := data.policy.offices[input.office_id]

kind_known if input.actor.kind in {"person", "agent", "app"}

# OPA takes the arguments of a negated call out of the negation, so that an undefined one would swallow the denial. What can be
# undefined therefore stands in rules of its own, which are negated.
allows_action(action) if action in office.allowed_actions

allows_target(target) if target in office.scope.targets

allows_level(asked) if level.at_least(office.risk_ceiling, asked)

holds_office if input.office_id in input.member_offices

membership_denials contains text.reason("office.unknown", ["The policy knows no office ", text.quote(input.office_id), "."]) if {
	not office
}

membership_denials contains text.reason("office.not_member", [
	text.quote(object.get(input.actor, "actor_id", null)), " does not hold the office ", text.quote(input.office_id), ".",
]) if {
	not holds_office
}

membership_denials contains text.reason("actor.kind", ["The actor is neither a person, nor an agent, nor an app."]) if {
	not kind_known
}

action_denials(action) := {text.reason("office.action", [
	text.quote(input.office_id), " does not allow ", text.quote(action), ".",
]) |
	office
	not allows_action(action)
}

target_denials(target) := {text.reason("office.target", [
	text.quote(input.office_id), " does not act on ", text.quote(target), ".",
]) |
	office
	not allows_target(target)
}

ceiling_denials(asked) := {text.reason("office.ceiling", [
	text.quote(input.office_id), " acts up to ", text.quote(object.get(office, "risk_ceiling", null)), ", and this is ", text.quote(asked), ".",
]) |
	office
	not allows_level(asked)
}
