import { EventEmitter } from "node:events";
import type { FastifyReply } from "fastify";
import { expect, test } from "vitest";
import { Waits } from "../../src/api/http/waits.js";

const createReply = () => ({ raw: Object.assign(new EventEmitter(), { destroyed: false }) }) as unknown as FastifyReply;

test("a request that arrives while the process stops does not wait", () => {
  const waits = new Waits();
  const before = waits.createSignal(createReply());
  expect(before.aborted).toBe(false);
  waits.stop();
  expect(before.aborted).toBe(true);
  expect(waits.createSignal(createReply()).aborted).toBe(true);
});
