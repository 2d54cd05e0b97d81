/**
 * - `git_unusable`: no acceptable git; an operator has to install one.
 * - `git_failed`: git ended in a way that no input explains (disk full, killed, an object of the cache unreadable). Try again.
 * - `crashed`: git found a fault of its own and ended itself; the same input makes it do so again.
 * - `timed_out`, `output_too_large`: a limit of the call was reached.
 * - `aborted`: the caller's signal fired.
 * - `outside_scope`: a path left the tenant's folder; never retried.
 * - `repository_invalid`: what lies in the store is no repository that this registry wrote.
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

/** A fault of git or of its local folders: never an answer about somebody's bytes, which is a denial. */
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
