import { expect, it } from "vitest";
import { GitAnswerCache } from "../../src/repository/git-answer-cache.js";
import type { GitAnswer } from "../../src/repository/stock-git/stock-git.js";

const buildAnswer = (text: string, code = 0): GitAnswer => ({ code, stdout: Buffer.from(text), stderr: "" });

/** Runs each question through the cache in turn. Returns those that reached git. */
function createAsker(answers: GitAnswerCache, answer: (question: string) => GitAnswer = buildAnswer) {
  return async (...questions: string[]) => {
    const asked: string[] = [];
    for (const question of questions)
      await answers.findOrAsk([question], async () => {
        asked.push(question);
        return answer(question);
      });
    return asked;
  };
}

it("a cached question runs git once", async () => {
  const ask = createAsker(new GitAnswerCache());
  expect(await ask("a", "b", "a", "b")).toEqual(["a", "b"]);
});

it("questions with the same concatenation of arguments have separate answers", async () => {
  const answers = new GitAnswerCache();
  await answers.findOrAsk(["a", "b"], async () => buildAnswer("two"));
  expect((await answers.findOrAsk(["a b"], async () => buildAnswer("one"))).stdout.toString()).toBe("one");
});

it("the least recently used answer beyond 32 is evicted", async () => {
  const ask = createAsker(new GitAnswerCache());
  const first = Array.from({ length: 32 }, (_, n) => `${n}`);
  expect(await ask(...first, "0", "one more")).toEqual([...first, "one more"]);
  expect(await ask("0")).toEqual([]);
  expect(await ask("1")).toEqual(["1"]);
});

it("a failure and a long answer are not cached", async () => {
  const failing = createAsker(new GitAnswerCache(), () => buildAnswer("", 1));
  expect(await failing("a", "a")).toEqual(["a", "a"]);
  const long = createAsker(new GitAnswerCache(), () => buildAnswer("x".repeat(16 * 1024 + 1)));
  expect(await long("a", "a")).toEqual(["a", "a"]);
});
