// Differential tests: generated cases, answered by the official engine (oracle.mjs) and by ours
// (cedar-differential, one long-lived program), and compared.
//
//   run --engine PROGRAM [--cases N | --seconds S] [--seed N]    N cases, or as many as fit
//   run --engine PROGRAM --replay FILE                           one saved case again, in detail
//
// Prints the mix and the counts. Exit status: 0 no difference and a good mix; 1 a difference (each
// is saved, with the command that replays it) or a poor mix; 2 wrong use; 125 something is missing.

import {spawn} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {parseArgs} from 'node:util';
import {resolve} from 'node:path';
import {canonical, parse, parseCase, stringify} from './exact_json.mjs';
import {makeCase} from './generate.mjs';
import {normalPolicy, normalSchema} from './normal.mjs';
import {Oracle} from './oracle.mjs';

// Each of these is at least this share of the requests (of the policy sets that are validated).
const kLeastShare = 0.1;
// Cases that are with our engine at once.
const kAhead = 16;
// The written forms, which take the official engine longest, are compared in one case of this many.
const kFormsEach = 3;

// Ours is the engine under test: cases in, answers out, in order.
class Ours {
  constructor(program) {
    this.child = spawn(program, [], {stdio: ['pipe', 'pipe', 'inherit']});
    this.waiting = [];
    this.ended = new Promise((done) => this.child.on('close', done));
    this.child.on('error', (error) => this.fail(`${program}: ${error.message}`));
    this.child.stdin.on('error', () => {});
    this.child.on('close', (status, signal) => this.fail(`${program} ended: ${signal ?? `status ${status}`}`));
    createInterface({input: this.child.stdout}).on('line', (line) => this.waiting.shift().answer(parse(line)));
  }
  ask(text) {
    return new Promise((answer, refuse) => {
      this.waiting.push({answer, refuse});
      this.child.stdin.write(`${text}\n`);
    });
  }
  fail(message) {
    for (const one of this.waiting.splice(0)) one.refuse(new Error(message));
  }
  async close() {
    this.child.stdin.end();
    await this.ended;
  }
}

// Where this engine refuses, on purpose and as docs/reference/policy.md says, what the official one
// takes. Each is counted; everything else that differs is a difference.
const kDeviations = [
  // {"__entity": …} and {"__extn": …} that are not well formed are not records either.
  {name: 'malformed escape', says: /__entity`?: .*expected an entity|expected an extension value|an extension value needs `|`__\w+` must be the only key/},
  // A context has its action's type, also where the request itself is not to be validated.
  {name: 'context of another type', says: /^context: /, unvalidated: true},
  // Every key of a JSON policy means something.
  {name: 'unknown key', says: / has no `.*` \(there are |this constraint needs either `entity` or `slot`/},
  // A JSON policy says only what text could say: a method is asked of a value.
  {name: 'method of nothing', says: /needs the value it is asked of/},
  // What is declared twice in a schema's text has one meaning, or none.
  {name: 'attribute twice', says: /the attribute `.*` stands twice/},
  // What the other form would lose is not written in it.
  {name: 'lost in the human form', says: /applies to no principal or no resource, but has the rest/},
  // An array does not stand for an object.
  {name: 'array for an object', says: /found an array/},
];
const deviationOf = (theirs, ours, reason, request) => {
  if (!theirs || theirs === 'failure' || (ours && ours !== 'failure')) return null;
  return kDeviations.find(({says, unvalidated}) =>
    says.test(reason ?? '') && !(unvalidated && request?.validateRequest !== false))?.name ?? null;
};

const decisionText = (response) => (response === 'failure' ? response
  : `${response.decision} [${[...response.reasons].sort().join(' ')}] [${[...response.errors].sort().join(' ')}]`);

// compare lists what differs between the two answers, as sentences; `deviations` counts the rest.
function compare(oracle, one, theirs, ours, deviations, forms) {
  const out = [];
  const deviates = (a, b, reason, request) => {
    const name = deviationOf(a, b, reason, request);
    if (name !== null) deviations.set(name, (deviations.get(name) ?? 0) + 1);
    return name !== null;
  };
  const differ = (what, a, b, reason) => {
    if (a !== b) out.push(`${what}: the official engine says ${a}, ours says ${b}${reason ? ` (${reason})` : ''}`);
  };
  const reasons = (name) => [theirs.why[name], ours.why[name]].filter(Boolean).join(' | ');
  for (const part of ['schema', 'policies', 'entities']) {
    // Without a schema nothing else can be read.
    if (part === 'entities' && !(theirs.schema && ours.schema)) continue;
    if (deviates(theirs[part], ours[part], ours.why[part])) return out;
    differ(part, theirs[part], ours[part], reasons(part));
  }
  if (theirs.validation && ours.validation) {
    const errors = [...new Set(ours.validation.errors)].sort();
    const messages = `${theirs.why.validationErrors} | ${ours.why.validationErrors}`;
    differ('validation errors', theirs.validation.errors.join(' '), errors.join(' '), messages);
    // A policy with an error is not typed to its end here, so only good policies' warnings count.
    const good = (ids) => [...new Set(ids)].filter((id) => !errors.includes(id)).sort().join(' ');
    differ('validation warnings', good(theirs.validation.warnings), good(ours.validation.warnings), messages);
  } else {
    differ('validated at all', theirs.validation !== null, ours.validation !== null, reasons('validation'));
  }
  theirs.requests.forEach((answer, i) => {
    if (deviates(answer, ours.requests[i], ours.why[`request ${i}`], one.requests[i])) return;
    differ(`request ${i}`, answer, decisionText(ours.requests[i]), reasons(`request ${i}`) || reasons(`errors ${i}`));
  });
  if (!forms) return out;
  if (theirs.policies && ours.policies) compareForms(oracle, one, ours, differ);
  if (theirs.schema && ours.schema && one.schema !== null) compareSchemas(oracle, one, ours, differ, deviates);
  return out;
}

// The written forms of each policy: our JSON is the official one, and our text means the same.
function compareForms(oracle, one, ours, differ) {
  const {staticPolicies, templates} = one.policies;
  const each = typeof staticPolicies === 'string' ? [] : Object.entries(staticPolicies).map((p) => [...p, false]);
  for (const [id, policy, isTemplate] of [...each, ...Object.entries(templates ?? {}).map((p) => [...p, true])]) {
    const theirs = oracle.policyJson(policy, isTemplate);
    const json = ours.policyJson[id] === null ? null : parse(ours.policyJson[id]);
    const text = ours.policyText[id] === null ? null : oracle.policyJson(ours.policyText[id], isTemplate);
    const form = (policyJson) => policyJson && canonical(normalPolicy(policyJson));
    // Of text the JSON form has to be the same to the letter.
    const exact = typeof policy === 'string' ? canonical : form;
    differ(`JSON of ${id}`, exact(theirs), exact(json), ours.why[`json ${id}`]);
    differ(`text of ${id}, as JSON`, form(theirs), form(text), ours.why[`text ${id}`] ?? ours.policyText[id]);
  }
}

function compareSchemas(oracle, one, ours, differ, deviates) {
  const form = (schema) => canonical(normalSchema(schema));
  if (typeof one.schema === 'string') {
    const json = ours.schemaOther === null ? null : parse(ours.schemaOther);
    differ('schema as JSON', form(oracle.schemaJson(one.schema)), form(json), ours.why.schemaOther);
    return;
  }
  // Two texts of one schema mean the same when all names, resolved, are the same.
  const text = oracle.schemaText(one.schema);
  if (text === null || deviates(text, ours.schemaOther, ours.why.schemaOther)) return;
  const resolved = (schema) => schema && form(oracle.resolvedSchema(schema));
  differ('schema as text, resolved', resolved(text), resolved(ours.schemaOther), ours.why.schemaOther ?? ours.schemaOther);
}

class Mix {
  constructor() {
    this.counts = {cases: 0, policies: 0, 'policies as JSON': 0, templates: 0, links: 0, requests: 0, allow: 0, deny: 0,
      refused: 0, 'evaluation error': 0, validated: 0, 'validation error': 0, impossible: 0, 'not parsed': 0, traps: 0};
  }
  add(one, theirs) {
    const c = this.counts;
    const {staticPolicies, templates, templateLinks} = one.policies;
    c.cases += 1;
    const list = typeof staticPolicies === 'string' ? (staticPolicies.match(/;/g) ?? []) : Object.values(staticPolicies ?? {});
    c.policies += list.length;
    c['policies as JSON'] += list.filter((policy) => typeof policy === 'object').length;
    c.templates += Object.keys(templates ?? {}).length;
    c.links += templateLinks?.length ?? 0;
    c.requests += theirs.requests.length;
    for (const answer of theirs.requests) {
      if (answer === 'failure') c.refused += 1;
      else c[answer.startsWith('allow') ? 'allow' : 'deny'] += 1;
      if (answer !== 'failure' && !answer.endsWith('[]')) c['evaluation error'] += 1;
    }
    if (theirs.validation) {
      c.validated += 1;
      if (theirs.validation.errors.length > 0) c['validation error'] += 1;
      if (theirs.validation.warnings.length > 0) c.impossible += 1;
    }
    if (!theirs.schema || !theirs.policies || !theirs.entities) c['not parsed'] += 1;
    if (theirs.trap) c.traps += 1;
  }
  // poor lists the kinds that are too rare for the comparison to say much.
  poor() {
    const c = this.counts;
    return [['allow', c.requests], ['deny', c.requests], ['evaluation error', c.requests], ['validation error', c.validated]]
      .filter(([kind, of]) => c[kind] < kLeastShare * of || of === 0).map(([kind]) => kind);
  }
  toString() {
    const c = this.counts;
    const share = (n, of) => `${n} (${of === 0 ? 0 : ((100 * n) / of).toFixed(1)} %)`;
    return `${c.cases} cases: ${c.policies} policies (${c['policies as JSON']} as JSON), ${c.templates} templates, ${c.links} links\n` +
      `${c.requests} requests: allow ${share(c.allow, c.requests)}, deny ${share(c.deny, c.requests)}, ` +
      `refused ${share(c.refused, c.requests)}, with an evaluation error ${share(c['evaluation error'], c.requests)}\n` +
      `${c.validated} sets validated: with a validation error ${share(c['validation error'], c.validated)}, ` +
      `with an impossible policy ${share(c.impossible, c.validated)}; ${c['not parsed']} cases not parsed, ${c.traps} traps`;
  }
}

function save(one, name, engine) {
  const folder = resolve(import.meta.dirname, '../../build/differential');
  mkdirSync(folder, {recursive: true});
  const file = `${folder}/${name}.json`;
  writeFileSync(file, `${stringify(one)}\n`);
  return `tests/differential/run --engine ${engine} --replay ${file}`;
}

async function replay(file, engine) {
  const oracle = new Oracle();
  const text = readFileSync(file, 'utf8').trim();
  const one = parseCase(text);
  const ours = new Ours(engine);
  const theirs = oracle.answer(one);
  const answer = await ours.ask(text);
  await ours.close();
  console.log('official', JSON.stringify(theirs, null, 1));
  console.log('ours', JSON.stringify(answer, null, 1));
  const differences = compare(oracle, one, theirs, answer, new Map(), true);
  for (const difference of differences) console.log(`DIFFERS: ${difference}`);
  return differences.length === 0 ? 0 : 1;
}

async function main() {
  const {values} = parseArgs({options: {engine: {type: 'string'}, cases: {type: 'string'}, seconds: {type: 'string'},
    seed: {type: 'string'}, replay: {type: 'string'}}});
  if (!values.engine) throw new Error('which engine?  --engine build/release/bin/cedar-differential');
  const engine = resolve(values.engine);
  if (values.replay) return replay(values.replay, engine);
  const seed = Number(values.seed ?? 1);
  const most = Number(values.cases ?? Infinity);
  const until = values.seconds ? Date.now() + 1000 * Number(values.seconds) : Infinity;
  if (most === Infinity && until === Infinity) throw new Error('how many?  --cases N or --seconds S');

  const oracle = new Oracle();
  const ours = new Ours(engine);
  const mix = new Mix();
  const deviations = new Map();
  let differing = 0;
  const finish = async ({one, index, theirs, asked}) => {
    const differences = compare(oracle, one, theirs, await asked, deviations, index % kFormsEach === 0);
    if (differences.length === 0) return;
    differing += 1;
    if (differing > 20) return;
    console.log(`case ${index} (${one.about.join(', ')}) differs:`);
    for (const difference of differences.slice(0, 4)) console.log(`  ${difference.slice(0, 1500)}`);
    console.log(`  replay: ${save(one, `seed${seed}-case${index}`, values.engine)}`);
  };
  const open = [];
  for (let index = 0; index < most && Date.now() < until; ++index) {
    const one = makeCase(seed, index);
    const asked = ours.ask(stringify(one));
    asked.catch(() => {});
    const theirs = oracle.answer(one);
    mix.add(one, theirs);
    open.push({one, index, theirs, asked});
    if (open.length >= kAhead) await finish(open.shift());
    if (index % 10000 === 9999) console.log(`… ${index + 1} cases, ${differing} differ`);
  }
  for (const one of open) await finish(one);
  await ours.close();
  const poor = mix.poor();
  console.log(`Cedar ${oracle.version()}, seed ${seed}\n${mix}`);
  console.log(`deviations on purpose: ${[...deviations].map(([name, n]) => `${name} ${n}`).join(', ') || 'none'}`);
  console.log(`${differing} differences`);
  if (poor.length > 0) console.log(`too few of: ${poor.join(', ')} (each has to be at least ${100 * kLeastShare} %)`);
  return differing === 0 && poor.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`differential: ${error.message}`);
  process.exitCode = /\?  --|Unknown option|Unexpected argument/.test(error.message) ? 2 : 125;
}
