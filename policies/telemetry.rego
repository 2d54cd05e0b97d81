# Telemetry: only the registry itself appends it, only to the org's own telemetry repository, and nobody else moves or empties that one.
package registry.telemetry

import data.registry.job
import data.registry.text

appends if input.job_type == "git.registry.telemetry_append"

# The service as which LAB 256 acts in each tenant. It has no token.
by_service if {
	input.actor.kind == "app"
	input.actor.actor_id == "ubl:sid:app:registry.telemetry"
}

# The project is the telemetry repository of its own org, by the infra registry.
is_destination if input.infra.telemetry_repo == concat("/", [input.tenant_id, input.params.project_id])

# Whether it forces, deletes or merges: a branch that the policy protects.
moves_protected if {
	job.by_branch
	job.row.protected
}

rewrites if moves_protected

rewrites if input.job_type == "git.registry.reset"

denials contains text.reason("telemetry.service", [
	"Telemetry is appended by the registry itself, as its service, and by nobody else.",
]) if {
	appends
	not by_service
}

denials contains text.reason("telemetry.only", ["The registry's telemetry service appends telemetry and does nothing else."]) if {
	by_service
	not appends
}

denials contains text.reason("telemetry.destination", [
	text.quote(object.get(object.get(input, "params", {}), "project_id", null)),
	" is not the telemetry repository of ", text.quote(input.tenant_id), " by the infra registry; telemetry never leaves its org.",
]) if {
	appends
	not is_destination
}

denials contains text.reason("telemetry.append_only", [
	"This is the org's telemetry repository: the registry alone moves its protected branches, and only forwards.",
]) if {
	rewrites
	is_destination
}
