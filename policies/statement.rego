# Entrypoint registry/statement: does this approval, rejection or withdrawal count towards the card?
package registry

import data.registry.break_glass
import data.registry.level
import data.registry.office
import data.registry.request
import data.registry.requirements
import data.registry.text

card_actions := {"approve": "card.approve", "reject": "card.reject"}

# Taking back only ever lessens what was approved, so nothing stands in its way.
withdrawal if input.decision == "withdraw"

person if {
	input.actor.kind == "person"
	is_string(input.actor.person_id)
}

# Only persons count from L3 on, and wherever a step-up or a quorum may be asked for: by the level, or by the policy of any office,
# for the office that the card acts through is not named here.
persons_only if level.at_least(input.level, "L3")

persons_only if input.step_up

persons_only if data.policy.levels[input.level].approvals > 1

persons_only if requirements.step_up_needed(input.level)

persons_only if {
	some candidate in data.policy.offices
	candidate.approval_policy.min_approvals > 1
}

# Level, job and office can ask for one role each, and so for several persons.
persons_only if {
	some candidate in data.policy.offices
	asking := [data.policy.levels[input.level], data.policy.jobs[input.job_type], candidate.approval_policy]
	sum([n | some n in requirements.join_roles(asking)]) > 1
}

persons_only if {
	some candidate in data.policy.offices
	candidate.approval_policy.step_up
}

makers_stated if {
	input.card.author_person_id
	is_array(input.card.pusher_person_ids)
	is_array(input.card.commit_author_person_ids)
}

authors_excluded if {
	requirements.authors_excluded(input.level)
	not break_glass.waives_exclusion
	not solo_waives_exclusion
}

# Whoever alone can approve in a tenant that is being built up approves their own acts, below L5.
solo_waives_exclusion if {
	input.card.solo == true
	input.level in {"L3", "L4"}
}

statement_members := {
	"tenant_id", "job_type", "level", "decision", "step_up", "actor", "office_id", "member_offices", "roles", "card",
}

statement_denials contains denial if some denial in (request.malformed | request.incomplete(statement_members))

statement_denials contains text.reason("statement.decision", ["The decision is neither approve, nor reject, nor withdraw."]) if {
	not withdrawal
	not card_actions[input.decision]
}

statement_denials contains text.reason("level.unknown", ["The level is none of L0 to L5."]) if {
	not withdrawal
	not level.rank[input.level]
}

statement_denials contains text.reason("job.unknown", ["The policy knows no job type ", text.quote(input.job_type), "."]) if {
	not withdrawal
	not data.policy.jobs[input.job_type]
}

statement_denials contains text.reason("actor.not_person", [
	"Only a person counts at level ", text.quote(input.level), ", and wherever a step-up or a quorum may be asked for.",
]) if {
	not withdrawal
	persons_only
	not person
}

statement_denials contains denial if {
	not withdrawal
	some denial in office.membership_denials
}

statement_denials contains denial if {
	not withdrawal
	some denial in office.action_denials(card_actions[input.decision])
}

statement_denials contains denial if {
	not withdrawal
	some denial in office.ceiling_denials(input.level)
}

statement_denials contains text.reason("card.unknown", ["Who made the change is not stated."]) if {
	input.decision == "approve"
	not makers_stated
}

statement_denials contains text.reason("approver.author", ["The author of a card does not approve it."]) if {
	approves_own
	input.actor.person_id == input.card.author_person_id
}

statement_denials contains text.reason("approver.pusher", ["Whoever pushed the card's commits does not approve it."]) if {
	approves_own
	input.actor.person_id in input.card.pusher_person_ids
}

statement_denials contains text.reason("approver.commit_author", ["An author of the card's commits does not approve it."]) if {
	approves_own
	input.actor.person_id in input.card.commit_author_person_ids
}

approves_own if {
	input.decision == "approve"
	authors_excluded
	person
}

statement_denials contains text.reason("step_up.missing", ["An approval at level ", text.quote(input.level), " needs a step-up."]) if {
	input.decision == "approve"
	requirements.step_up_needed(input.level)
	not input.step_up == true
}

statement := {"counts": false, "reasons": sort(statement_denials)} if count(statement_denials) > 0

statement := {"counts": true, "reasons": [text.reason("statement.counts", [statement_phrase])]} if count(statement_denials) == 0

statement_phrase := "A withdrawal always counts." if withdrawal

statement_phrase := concat("", ["This ", noun, " counts at level ", input.level, "."]) if {
	noun := {"approve": "approval", "reject": "rejection"}[input.decision]
}
