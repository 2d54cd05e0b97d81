import { expect, it } from "vitest";
import { GitAnswerCache } from "../../src/repository/git-answer-cache.js";
import type { GitAnswer } from "../../src/repository/stock-git/stock-git.js";

const buildAnswer = (text: string, code = 0): GitAnswer => ({ code, stdout: Buffer.from(text), stderr: "" });

/** Asks for each of the questions in turn, and answers which of them git was asked. */
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

it("asks git once", async () => {
  const ask = createAsker(new GitAnswerCache());
  expect(await ask("a", "b", "a", "b")).toEqual(["a", "b"]);
});

it("tells arguments apart by where they end", async () => {
  const answers = new GitAnswerCache();
  await answers.findOrAsk(["a", "b"], async () => buildAnswer("two"));
  expect((await answers.findOrAsk(["a b"], async () => buildAnswer("one"))).stdout.toString()).toBe("one");
});

it("forgets what was not asked for longest, beyond 32", async () => {
  const ask = createAsker(new GitAnswerCache());
  const first = Array.from({ length: 32 }, (_, n) => `${n}`);
  expect(await ask(...first, "0", "one more")).toEqual([...first, "one more"]);
  expect(await ask("0")).toEqual([]);
  expect(await ask("1")).toEqual(["1"]);
});

it("takes a failure for no answer, and keeps none that is long", async () => {
  const failing = createAsker(new GitAnswerCache(), () => buildAnswer("", 1));
  expect(await failing("a", "a")).toEqual(["a", "a"]);
  const long = createAsker(new GitAnswerCache(), () => buildAnswer("x".repeat(16 * 1024 + 1)));
  expect(await long("a", "a")).toEqual(["a", "a"]);
});
