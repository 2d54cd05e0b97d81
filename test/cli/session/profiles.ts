import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { ServedRegistry } from "../../harness/registry.js";
import { runOgrHere as ogr } from "../ogr-here.js";
import { runOgr as ogrProcess } from "../run-ogr.js";

const statusSchema = z.looseObject({ state: z.string(), actor_id: z.string().nullable(), origin: z.string() });

export function describeProfiles(registry: () => ServedRegistry): void {
  describe("somebody who logs in", () => {
    let folder: string;
    let home: Record<string, string>;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "ogr-login-"));
      home = { XDG_CONFIG_HOME: folder };
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    const resolveProfilesPath = () => join(folder, "ogr", "profiles.json");
    const logIn = (token: string, ...more: string[]) =>
      ogr(["auth", "login", "--server", registry().url, ...more], home, { input: `${token}\n` });

    it("gives the token on standard input, and it is kept for them alone", async () => {
      const { token, actor_id } = registry().getActor("admin");
      const answer = await ogrProcess(["auth", "login", "--server", registry().url], home, { input: `${token}\n` });
      expect([answer.code, answer.stdout]).toEqual([0, expect.stringContaining(`as ${actor_id} of T.UBL`)]);
      expect(answer.stdout + answer.stderr).not.toContain(token);
      expect([(await stat(resolveProfilesPath())).mode & 0o777, (await stat(join(folder, "ogr"))).mode & 0o777]).toEqual([0o600, 0o700]);
      const status = await ogr(["auth", "status"], home);
      expect([status.code, status.stdout]).toEqual([0, expect.stringContaining(actor_id)]);
      expect(status.stdout + status.stderr).not.toContain(token);
      expect((await ogr(["auth", "token"], home)).stdout).toBe(`${token}\n`);
      expect((await ogr(["tenant", "show"], home)).stdout).toContain("T.UBL");
    });

    it("keeps no token that the registry does not know", async () => {
      const before = await readFile(resolveProfilesPath(), "utf8");
      const answer = await logIn(`ogr_${"A".repeat(49)}`);
      expect([answer.code, answer.stderr]).toEqual([3, expect.stringContaining("unauthenticated")]);
      expect((await logIn("")).code).toBe(2);
      expect(await readFile(resolveProfilesPath(), "utf8")).toBe(before);
    });

    it("has a profile for each registry, and names the one that is meant", async () => {
      const olga = registry().getActor("olga", "T.OTHER");
      expect((await logIn(olga.token, "--profile", "other")).code).toBe(0);
      const readStatus = async (args: string[], env: Record<string, string> = {}) =>
        (await ogr(["auth", "status", "--json", ...args], { ...home, ...env })).json(statusSchema);
      expect(await readStatus([])).toMatchObject({ state: "ok", actor_id: olga.actor_id, origin: "profile other" });
      expect(await readStatus(["--profile", "default"])).toMatchObject({ actor_id: registry().getActor("admin").actor_id });
      expect(await readStatus([], { OGR_PROFILE: "default" })).toMatchObject({ actor_id: registry().getActor("admin").actor_id });
      // What is written beats what is set, and what is set beats the current profile.
      const bob = registry().getActor("bob");
      expect(await readStatus([], { OGR_TOKEN: bob.token })).toMatchObject({ actor_id: bob.actor_id });
      expect(await readStatus(["--profile", "other"], { OGR_TOKEN: bob.token })).toMatchObject({ actor_id: olga.actor_id });
      expect((await ogr(["auth", "switch", "default"], home)).code).toBe(0);
      expect((await ogr(["auth", "logout", "--profile", "other"], home)).code).toBe(0);
      const gone = await ogr(["tenant", "show", "--profile", "other"], home);
      expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining("there are default")]);
      expect(await readFile(resolveProfilesPath(), "utf8")).not.toContain(olga.token);
    });

    it("shows a profile's token to no other server than its own", async () => {
      const heard: (string | undefined)[] = [];
      const server = createServer((request, response) => {
        heard.push(request.headers.authorization);
        response.writeHead(404).end();
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      const elsewhere = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
      const answers = [
        await ogr(["project", "list", "--server", elsewhere], home),
        await ogr(["project", "list"], { ...home, OGR_SERVER: elsewhere }),
        await ogr(["project", "list", "--profile", "default", "--server", elsewhere], home),
      ];
      await ogr(["doctor", "--server", elsewhere], home);
      server.close();
      expect(answers.map(({ code }) => code)).toEqual([2, 2, 2]);
      expect(heard.filter((authorization) => authorization !== undefined)).toEqual([]);
      expect(heard.length).toBeGreaterThan(0);
    });

    it("is told when others can read the tokens", async () => {
      await chmod(resolveProfilesPath(), 0o644);
      const answer = await ogr(["project", "list"], home);
      expect([answer.code, answer.stderr]).toEqual([1, expect.stringContaining("chmod 600")]);
      await chmod(resolveProfilesPath(), 0o600);
    });
  });
}
