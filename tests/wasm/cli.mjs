// cli.mjs WRIT BUNDLES: `writ proof verify --json` prints about a file what the verifier answers
// about it (and run.mjs finds proof.wasm to answer), and its exit status says the same. Every
// fifth bundle whose request is one that a command line can make.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { records, text } from "./records.mjs";

const [writ, bundlesFile] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "writ-proof-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

function printed(file, { trust, log_key, policy, head }) {
  const args = ["proof", "verify", "the.proof", "--json"];
  writeFileSync(join(folder, "the.proof"), file);
  for (const { name, pem } of trust) {
    writeFileSync(join(folder, name), pem);
    args.push("--trust", name);
  }
  if (log_key !== undefined) args.push("--log-key", log_key);
  for (const [option, content] of Object.entries({ policy, head })) {
    if (content === undefined) continue;
    writeFileSync(join(folder, option), content);
    args.push(`--${option}`, option);
  }
  const env = { ...process.env, WRIT_HOME: join(folder, "none") };
  const { status, stdout, stderr } = spawnSync(resolve(writ), args, { cwd: folder, env, encoding: "utf8" });
  assert.notEqual(stdout, "", stderr);
  return { status, stdout };
}

const count = { ok: 0, "not ok": 0, "no bundle": 0, policy: 0, head: 0 };
let index = 0;
for (const [name, file, request, answer] of records(bundlesFile, 4)) {
  if (index++ % 5 > 0) continue;
  const { ok, because, error } = JSON.parse(text(answer));
  if (error) continue;
  const asked = JSON.parse(text(request));
  const { status, stdout } = printed(file, asked);
  assert.equal(stdout, `${text(answer)}\n`, text(name));
  assert.equal(status, ok ? 0 : 1, text(name));
  ++count[ok ? "ok" : because === undefined ? "not ok" : "no bundle"];
  for (const part of ["policy", "head"]) if (asked[part] !== undefined) ++count[part];
}
for (const [what, is] of Object.entries(count)) assert(is >= 3, `only ${is} cases: ${what}`);
console.log(`command line, each answer as the verifier's: ${JSON.stringify(count)}`);
