# The project's infra context: an act on a disabled or missing project is denied, and only a sandbox can be reset.
package registry.infra

import data.registry.text

# "none" says that the tenant keeps no infra registry.
open if input.infra == "none"

open if input.infra.state == "enabled"

known if open

known if input.infra.state in {"disabled", "missing"}

sandbox if {
	input.infra.state == "enabled"
	input.infra.context == "sandbox"
}

denials contains text.reason("infra.disabled", [
	"The infra registry has this project disabled; enable it there first.",
]) if {
	input.infra.state == "disabled"
}

denials contains text.reason("infra.missing", [
	"The infra registry does not know this project; enter it there first.",
]) if {
	input.infra.state == "missing"
}

denials contains text.reason("infra.unknown", ["The project's infra state is none that the policy knows."]) if {
	not known
}

denials contains text.reason("infra.not_sandbox", [
	"Only a project whose infra context is sandbox can be reset.",
]) if {
	input.job_type == "git.registry.reset"
	not sandbox
}
