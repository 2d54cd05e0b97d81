import { type Outcome, wrapDenial } from "../../domain/denial.js";
import type { JobContext } from "../../planning/job.js";
import { checkInfraRegistry } from "../../planning/kept-registry.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { type Move, type MoveResult, moveRefs } from "../git/move-refs.js";

/** Moves the refs of an act, unless main of the project that keeps the infra registry would get a bad one. */
export async function moveJobRefs(context: JobContext, repository: OpenRepository, move: Move): Promise<Outcome<MoveResult>> {
  const problem = await checkInfraRegistry(context, repository, move.refs);
  return problem === undefined ? moveRefs(repository, move, context.signal) : wrapDenial(problem);
}
