import type { GitAnswer } from "./stock-git/stock-git.js";

const ANSWERS_MAX = 32;
const ANSWER_MAX_BYTES = 16 * 1024;

/**
 * What git said of objects that were named by their ids: it never changes, and a plan is made more than once before its act. The latest
 * 32 answers of at most 16 KiB; a failure is no answer.
 */
export class KnownAnswers {
  readonly #answers = new Map<string, GitAnswer>();

  /** What git says to `args`, which name objects by id alone: remembered, else asked for. */
  async findOrAsk(args: readonly string[], ask: () => Promise<GitAnswer>): Promise<GitAnswer> {
    const question = args.join("\0");
    const known = this.#answers.get(question);
    const answer = known ?? (await ask());
    if (answer.code !== 0 || answer.stdout.length > ANSWER_MAX_BYTES) return answer;
    // Asked for again, it is the latest again.
    this.#answers.delete(question);
    this.#answers.set(question, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > ANSWERS_MAX && oldest !== undefined) this.#answers.delete(oldest);
    return answer;
  }

  clear(): void {
    this.#answers.clear();
  }
}
