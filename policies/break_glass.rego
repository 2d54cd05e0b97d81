# Break-glass: the card declares an emergency (contracts "Levels"). The act is then L5, and only who may approve and a disabled project
# are waived for it.
package registry.break_glass

import data.registry.text

declared if input.break_glass == true

stated if is_boolean(input.break_glass)

of_project if startswith(input.job_type, "git.registry.")

levels contains "L5" if declared

denials contains text.reason("break_glass.unknown", ["Whether the card declares an emergency is not stated."]) if not stated

denials contains text.reason("break_glass.job", [
	"There is no break-glass for ", text.quote(input.job_type), ": only acts on a project, git.registry.*, have it.",
]) if {
	declared
	not of_project
}

grounds := [text.reason("break_glass", [
	"BREAK-GLASS: the card declares an emergency, so the act is L5; author, pushers and commit authors may approve it, and a disabled project does not stop it.",
]) |
	declared
]

# Whether a statement is about such a card. A level below L5 is none that an emergency has.
waives_exclusion if {
	input.card.break_glass == true
	input.level == "L5"
	of_project
}
