# The project's infra context: an act on a disabled or missing project is denied, and only a sandbox can be reset. Break-glass opens a
# disabled project.
package registry.infra

import data.registry.break_glass
import data.registry.text

states := {"enabled", "disabled", "missing", "unavailable"}

known if input.infra == "none"

known if input.infra.state in states

# The project that keeps the infra registry is exempt from what the registry says of it, or nobody could put the registry right.
keeper if {
	input.infra.is_registry == true
	input.infra.state in states
}

usable if input.infra.state == "enabled"

usable if {
	input.infra.state == "disabled"
	break_glass.declared
}

sandbox if {
	usable
	input.infra.context == "sandbox"
}

# A name that is not there must not swallow a denial.
default project := "(none)"

project := concat("/", [text.quote(input.tenant_id), text.quote(input.params.project_id)])

denials contains text.reason("infra.disabled", [
	"The infra registry has ", project, " disabled. Enable it there first, with a branch and a merge: ogr infra enable ", project, ".",
]) if {
	input.infra.state == "disabled"
	not usable
	not keeper
}

denials contains text.reason("infra.missing", [
	"The infra registry does not know ", project, ". Register it there first, with a branch and a merge: ",
	"scripts/infra/infra.sh register ", project, " --context sandbox|production.",
]) if {
	input.infra.state == "missing"
	not keeper
}

denials contains text.reason("infra.unavailable", [
	"The infra registry cannot be used, so nothing is known of ", project, ". Put it right on its main branch first: ogr infra validate.",
]) if {
	input.infra.state == "unavailable"
	not keeper
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

denials contains text.reason("infra.keeps_registry", [
	"The project that keeps the infra registry is never reset: without it nothing runs.",
]) if {
	input.job_type == "git.registry.reset"
	keeper
}
