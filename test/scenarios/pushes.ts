import { beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import {
  approveAsEach,
  buildDeletion,
  buildPush,
  issuePush,
  OFFICE,
  openPushCard,
  type Push,
  pushOrThrow,
  registerByCard,
  requireRefusal,
  toEnd,
} from "./acts.js";
import { findRef, listEvents, readRefsText } from "./stored-state.js";

const PROJECT = "P.pushes";

export function describePushes(running: () => ServedRegistry): void {
  describe("a push", () => {
    let registry: ServedRegistry;
    let clone: Clone;
    let base: string;

    beforeAll(async () => {
      registry = running();
      clone = new Clone();
      base = clone.commit("base.txt", "one\ntwo\nthree\n");
      await registerByCard(registry, PROJECT);
      await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/base", null, clone.bundle("main")));
    });

    /** Commits on top of the base. Returns the commit and its bundle. */
    const commitAhead = (branch: string, file: string) => {
      clone.git("checkout", "-q", "-B", branch, base);
      const commit = clone.commit(file, `${file}\n`);
      return { commit, bundle: clone.bundle(branch, [base]) };
    };
    const pushToEnd = async (wanted: Push, who = "admin") => toEnd(requireValue(await issuePush(registry.as(who), wanted)));

    it("that loses a race for one ref changes nothing", async () => {
      await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/raced", null, clone.bundle("main")));
      const [one, two] = [commitAhead("left", "left.txt"), commitAhead("right", "right.txt")];
      const ends = await Promise.all([
        pushToEnd(buildPush(PROJECT, "feature/raced", base, one.bundle)),
        pushToEnd(buildPush(PROJECT, "feature/raced", base, two.bundle), "bob"),
      ]);
      expect(ends.map(({ status }) => status).sort()).toEqual(["error", "success"]);
      expect(ends.find(({ status }) => status === "error")?.code).toBe("ref_moved");
      const winner = ends[0]?.status === "success" ? one.commit : two.commit;
      expect(await findRef(registry, PROJECT, "refs/heads/feature/raced")).toBe(winner);
      const told = (await listEvents(registry, "project.activity")).filter(({ ref }) => ref === "refs/heads/feature/raced");
      expect(told.map(({ commit }) => commit)).toEqual([base, winner]);
      expect(await registry.as("carol").findRef(PROJECT, "refs/heads/feature/raced")).toBe(winner);
    });

    it("succeeds while another ref moves at the same time", async () => {
      const branches = ["feature/r1", "feature/r2", "feature/r3", "feature/r4"];
      const ends = await Promise.all(branches.map((branch) => pushToEnd(buildPush(PROJECT, branch, null, clone.bundle("main")))));
      expect(ends.map(({ status }) => status)).toEqual(branches.map(() => "success"));
      for (const branch of branches) expect(await findRef(registry, PROJECT, `refs/heads/${branch}`)).toBe(base);
    });

    it("of a diff or a format-patch series makes the commits that it describes", async () => {
      clone.git("checkout", "-q", "-B", "patched", base);
      clone.commit("base.txt", "one\n2\nthree\n", "Say two in digits");
      clone.commit("more.txt", "more\n", "Say more");
      const series = clone.run(["format-patch", "--stdout", `${base}..patched`]);
      const diff = clone.run(["diff", `${base}..patched`]);
      for (const [branch, bytes, count] of [
        ["feature/series", series, 2],
        ["feature/diff", diff, 1],
      ] as const) {
        await pushOrThrow(registry.as("admin"), buildPush(PROJECT, branch, null, clone.bundle("main")));
        const card = await openPushCard(registry.as("admin"), buildPush(PROJECT, branch, base, bytes));
        expect(card.plan).toMatchObject({ commit_count: count, basis: { refs: [{ name: `refs/heads/${branch}`, old: base, new: null }] } });
        expect(card.plan?.commits.map(({ id }) => id)).toEqual(Array.from({ length: count }, () => null));
        const { jti, status } = await approveAsEach(registry, card, ["bob"]);
        expect(status).toBe("success");
        const tip = requireValue(await registry.as("admin").readReceipt(jti ?? "")).refs[0]?.new;
        expect(await findRef(registry, PROJECT, `refs/heads/${branch}`)).toBe(tip);
        expect(tip).not.toBe(base);
      }
    });

    it("that is not a fast-forward needs force, and a forced push and a deletion have level L2", async () => {
      const [one, two] = [commitAhead("old", "old.txt"), commitAhead("new", "new.txt")];
      await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/forced", null, clone.bundle("old")));
      expect(await pushToEnd(buildPush(PROJECT, "feature/forced", one.commit, two.bundle))).toEqual({
        status: "error",
        code: "not_fast_forward",
      });
      expect(await findRef(registry, PROJECT, "refs/heads/feature/forced")).toBe(one.commit);
      expect(
        (await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/forced", one.commit, two.bundle, { force: true }))).level,
      ).toBe("L2");
      expect(await findRef(registry, PROJECT, "refs/heads/feature/forced")).toBe(two.commit);
      expect((await pushOrThrow(registry.as("admin"), buildDeletion(PROJECT, "feature/forced", two.commit))).level).toBe("L2");
      expect(await findRef(registry, PROJECT, "refs/heads/feature/forced")).toBeUndefined();
      expect((await listEvents(registry, "project.activity")).at(-1)).toMatchObject({
        action: "delete",
        ref: "refs/heads/feature/forced",
        commit: two.commit,
      });
    });

    it("to a review branch has level L2 and needs no card", async () => {
      expect((await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "review/one", null, clone.bundle("main")))).level).toBe("L2");
    });

    describe("returns a signed error receipt and changes no ref if", () => {
      const cases: Record<string, { code: string; wanted(): Push }> = {
        "its bundle lacks its prerequisite": {
          code: "prerequisite_missing",
          wanted: () => {
            const unknown = commitAhead("unknown", "unknown.txt").commit;
            clone.commit("further.txt", "further\n");
            return buildPush(PROJECT, "feature/bad", null, clone.bundle("unknown", [unknown]));
          },
        },
        "its bundle is truncated": {
          code: "bundle_invalid",
          wanted: () => buildPush(PROJECT, "feature/bad", null, clone.bundle("main").subarray(0, -30)),
        },
        "its bytes have an unknown format": {
          code: "bundle_invalid",
          wanted: () => buildPush(PROJECT, "feature/bad", null, Buffer.from("not a bundle\n")),
        },
        "its patch does not apply": {
          code: "patch_does_not_apply",
          wanted: () => {
            clone.git("checkout", "-q", "-B", "elsewhere", base);
            const context = clone.commit("base.txt", "uno\ndos\ntres\n");
            clone.commit("base.txt", "uno\n2\ntres\n");
            return buildPush(PROJECT, "feature/base", base, clone.run(["diff", `${context}..elsewhere`]));
          },
        },
        "its bytes were never staged": {
          code: "staged_bytes_missing",
          wanted: () => ({ ...buildPush(PROJECT, "feature/bad", null, Buffer.from("never sent")), patch: undefined }),
        },
        "it expects a ref that has moved": {
          code: "ref_moved",
          wanted: () => buildPush(PROJECT, "feature/base", "1".repeat(40), commitAhead("moved", "moved.txt").bundle),
        },
        "it expects no ref but the ref exists": {
          code: "ref_moved",
          wanted: () => buildPush(PROJECT, "feature/base", null, clone.bundle("main")),
        },
        "its ref would be below an existing one": {
          code: "ref_conflict",
          wanted: () => buildPush(PROJECT, "feature/base/below", null, clone.bundle("main")),
        },
        "an existing ref is below its own": {
          code: "ref_conflict",
          wanted: () => buildPush(PROJECT, "feature/deep", null, clone.bundle("main")),
        },
        "it changes nothing": { code: "nothing_to_do", wanted: () => buildPush(PROJECT, "feature/base", base, clone.bundle("main")) },
        "it deletes a ref that does not exist": { code: "ref_missing", wanted: () => buildDeletion(PROJECT, "feature/never", base) },
      };

      beforeAll(async () => {
        await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/deep/er", null, clone.bundle("main")));
      });

      it.each(Object.keys(cases))("%s", async (name) => {
        const { code, wanted } = cases[name] ?? { code: "", wanted: () => buildDeletion(PROJECT, "x", ZERO_ID) };
        const before = await readRefsText(registry, PROJECT);
        const done = requireValue(await issuePush(registry.as("admin"), wanted()));
        expect(toEnd(done)).toEqual({ status: "error", code });
        expect(done.command.receipt).toMatchObject({ status: "error", code, refs: [], artifacts: [] });
        expect(await readRefsText(registry, PROJECT)).toBe(before);
      });

      it("is refused if its inline or staged bytes do not have the claimed BLAKE3", async () => {
        const before = await readRefsText(registry, PROJECT);
        const claimed = {
          ...buildPush(PROJECT, "feature/bad", null, clone.bundle("main")),
          patch: Buffer.from("other bytes").toString("base64"),
        };
        expect(requireRefusal(await issuePush(registry.as("admin"), claimed))).toMatchObject({ code: "subject_hash_mismatch" });
        const staged = await fetch(`${registry.url}/v1/staging/${hashBlake3Hex(Buffer.from("a"))}?tenant_id=T.UBL`, {
          method: "PUT",
          body: "b",
          headers: { authorization: `Bearer ${registry.getActor("admin").token}`, "content-type": "application/octet-stream" },
        });
        expect(staged.status).toBe(422);
        expect(await readRefsText(registry, PROJECT)).toBe(before);
      });
    });

    it.each(["feature/..", "refs/heads/x", "feature/a b", "-x", "feature/x.lock", ""])(
      "to the invalid branch name `%s` is 400 and names the field",
      async (branch) => {
        const answer = await issuePush(registry.as("admin"), buildPush(PROJECT, branch, null, clone.bundle("main")));
        expect(answer).toMatchObject({
          ok: false,
          status: 400,
          problem: { code: "invalid_request", errors: [{ field: "params.branch" }] },
        });
      },
    );

    it.each(["main", "release/1", "wild", "features/x"])(
      "to `%s`, which is in no open namespace, is denied by the policy",
      async (branch) => {
        const refused = await issuePush(registry.as("admin"), buildPush(PROJECT, branch, null, clone.bundle("main")));
        expect(refused).toMatchObject({ ok: false, status: 403, problem: { code: "policy_denied", allowed: false } });
      },
    );

    it("to an unregistered project or another tenant's project ends with project_unknown", async () => {
      expect(await pushToEnd(buildPush("P.nobody", "feature/x", null, clone.bundle("main")))).toEqual({
        status: "error",
        code: "project_unknown",
      });
      const olga = registry.as("olga", "T.OTHER");
      expect(toEnd(requireValue(await issuePush(olga, buildPush(PROJECT, "feature/x", null, clone.bundle("main")))))).toEqual({
        status: "error",
        code: "project_unknown",
      });
      const wanted = {
        tenant_id: "T.UBL",
        actor_id: olga.actor_id,
        intent: "x",
        context: {},
        office_id: OFFICE,
        jobType: "git.registry.push",
        target: "LAB_512",
        params: buildPush(PROJECT, "feature/x", null, Buffer.from("x")).params,
      };
      const answer = await fetch(`${registry.url}/v1/policy/permit`, {
        method: "POST",
        body: JSON.stringify(wanted),
        headers: { authorization: `Bearer ${registry.getActor("olga", "T.OTHER").token}`, "content-type": "application/json" },
      });
      expect(answer.status).toBe(404);
    });
  });
}
