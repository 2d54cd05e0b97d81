# Entrypoint registry/act: may this act go forward, at which level, and what does it need first?
package registry

import data.registry.break_glass
import data.registry.infra
import data.registry.job
import data.registry.level
import data.registry.office
import data.registry.request
import data.registry.requirements
import data.registry.telemetry
import data.registry.text

# A requested risk and break-glass raise the level that the rules find, and never lower it.
act_level := level.highest(levels | break_glass.levels)

levels := {job.found} | {input.risk | input.risk}

risk_known if not "risk" in object.keys(input)

risk_known if level.rank[input.risk]

act_members := {
	"tenant_id", "job_type", "target", "break_glass", "has_card", "actor", "office_id", "member_offices", "params", "facts", "infra",
}

act_denials contains denial if some denial in (request.malformed | request.incomplete(act_members))

act_denials contains text.reason("level.unknown", ["The requested risk is none of the levels L0 to L5."]) if not risk_known

act_denials contains denial if some denial in job.denials

act_denials contains denial if some denial in break_glass.denials

act_denials contains denial if some denial in infra.denials

act_denials contains denial if some denial in telemetry.denials

act_denials contains denial if some denial in office.membership_denials

act_denials contains denial if some denial in office.action_denials(input.job_type)

act_denials contains denial if some denial in office.target_denials(input.target)

act_denials contains denial if some denial in office.ceiling_denials(act_level)

raised := [text.reason("level.raised", ["The request asks for level ", act_level, ", which is higher."]) |
	act_level != job.found
	not break_glass.declared
]

act := {
	"allowed": true,
	"level": act_level,
	"reasons": array.flatten([
		[job.grounds], raised, break_glass.grounds,
		requirements.path_grounds(act_level), [requirements.grounds(act_level)],
	]),
	"requires": requirements.requires(act_level),
	"permit_ttl_ms": requirements.permit_ttl_ms(act_level),
	"decide_within_ms": data.policy.levels[act_level].decide_within_ms,
	"max_run_ms": data.policy.levels[act_level].max_run_ms,
} if {
	count(act_denials) == 0
}

# A denied act has no clocks and nothing that could make it right.
act := {
	"allowed": false,
	"level": denied_level,
	"reasons": sort(act_denials),
	"requires": [],
	"permit_ttl_ms": 0,
	"decide_within_ms": 0,
	"max_run_ms": 0,
} if {
	count(act_denials) > 0
}

denied_level := act_level

denied_level := null if not act_level
