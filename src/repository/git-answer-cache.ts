import type { GitAnswer } from "./stock-git/stock-git.js";

const ANSWERS_MAX = 32;
const ANSWER_MAX_BYTES = 16 * 1024;

/**
 * Caches git's answers about objects named by id, which never change and are needed more than once, because a plan is made repeatedly
 * before its act. Keeps the 32 most recently used successful answers of at most 16 KiB each.
 */
export class GitAnswerCache {
  readonly #answers = new Map<string, GitAnswer>();

  /** Returns the cached answer to `args`, or that of `ask`. The `args` must name objects by id alone. */
  async findOrAsk(args: readonly string[], ask: () => Promise<GitAnswer>): Promise<GitAnswer> {
    const key = args.join("\0");
    const known = this.#answers.get(key);
    const answer = known ?? (await ask());
    if (answer.code !== 0 || answer.stdout.length > ANSWER_MAX_BYTES) return answer;
    // Reinserting it makes it the most recently used.
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > ANSWERS_MAX && oldest !== undefined) this.#answers.delete(oldest);
    return answer;
  }

  clear(): void {
    this.#answers.clear();
  }
}
