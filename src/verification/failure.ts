/** What does not hold: the file by its key, the member in it ("" for the whole file), and a sentence. */
export interface Mismatch {
  readonly file: string;
  readonly member: string;
  readonly problem: string;
}

/** Ends a verification at the first thing that does not hold. */
export class VerificationFailure extends Error implements Mismatch {
  override readonly name = "VerificationFailure";

  constructor(
    readonly file: string,
    readonly member: string,
    readonly problem: string,
  ) {
    super(`${member === "" ? file : `${file}, \`${member}\``}: ${problem}`);
  }
}

/** @throws VerificationFailure */
export function failAt(file: string, member: string, problem: string): never {
  throw new VerificationFailure(file, member, problem);
}

/** @throws VerificationFailure unless `isTrue` */
export function requireThat(isTrue: boolean, file: string, member: string, problem: string): void {
  if (!isTrue) failAt(file, member, problem);
}
