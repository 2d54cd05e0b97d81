/**
 * - `git_unusable`: no acceptable git; an operator has to install one.
 * - `git_failed`: git failed for a reason other than its input (disk full, killed, an unreadable object of the cache). Try again.
 * - `crashed`: git itself crashed; the same input would make it crash again.
 * - `timed_out`, `output_too_large`: a limit of the call was reached.
 * - `aborted`: the caller's signal fired.
 * - `outside_scope`: a path left the tenant's folder; never retried.
 * - `repository_invalid`: the store holds a repository that this registry did not write.
 * - `contended`: a pointer moved more often than the bounded number of tries. Try again.
 */
export type GitFaultCode =
  | "git_unusable"
  | "git_failed"
  | "crashed"
  | "timed_out"
  | "output_too_large"
  | "aborted"
  | "outside_scope"
  | "repository_invalid"
  | "contended";

/** A fault of git or of its local folders. Invalid pushed bytes are a denial instead. */
export class GitFault extends Error {
  override readonly name = "GitFault";

  constructor(
    readonly code: GitFaultCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
