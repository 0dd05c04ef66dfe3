// cedar_wasm.mjs PACKAGE_FOLDER SET_FOLDER ROUNDS: what a decision costs in the official engine's
// WebAssembly build, from the set that `cedar_bench dump` wrote. The policies are parsed beforehand;
// entities go in with every call, as its interface wants it: all of them, or only those that the
// request's principal and resource reach. Decisions must be the expected ones.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const [packages, folder, rounds] = process.argv.slice(2);
const cedar = createRequire(`${packages}/`)('@cedar-policy/cedar-wasm/nodejs');
const entities = JSON.parse(readFileSync(`${folder}/entities.json`, 'utf8'));
const questions = JSON.parse(readFileSync(`${folder}/requests.json`, 'utf8'));
const policies = readFileSync(`${folder}/policies.cedar`, 'utf8');

const now = () => Number(process.hrtime.bigint());
let before = now();
const parsed = cedar.preparsePolicySet('set', {staticPolicies: policies});
const parse = now() - before;
if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed));

const byId = new Map(entities.map((entity) => [`${entity.uid.type}::${entity.uid.id}`, entity]));
function reached(request) {
  const out = new Map();
  const work = [request.principal, request.resource];
  while (work.length > 0) {
    const uid = work.pop();
    const key = `${uid.type}::${uid.id}`;
    if (out.has(key) || !byId.has(key)) continue;
    const entity = byId.get(key);
    out.set(key, entity);
    work.push(...entity.parents);
    for (const value of Object.values(entity.attrs)) if (value.__entity) work.push(value.__entity);
  }
  return [...out.values()];
}

function measure(entitiesOf) {
  const times = [];
  for (let round = -2; round < Number(rounds); ++round) {
    for (const {request, decision, reasons} of questions) {
      const call = {...request, preparsedPolicySetId: 'set', validateRequest: false, entities: entitiesOf(request)};
      before = now();
      const answer = cedar.statefulIsAuthorized(call);
      const taken = now() - before;
      if (answer.type !== 'success' || answer.response.decision !== decision ||
          answer.response.diagnostics.reason.length !== reasons) {
        throw new Error(`${JSON.stringify(answer)}, expected ${decision} for ${reasons} reasons`);
      }
      if (round >= 0) times.push(taken);
    }
  }
  times.sort((a, b) => a - b);
  return {p50: times[Math.floor(times.length / 2)], p99: times[Math.floor(times.length * 0.99)]};
}

const few = new Map(questions.map(({request}) => [request, reached(request)]));
console.log(JSON.stringify({
  version: cedar.getCedarVersion(), parse, reached: measure((request) => few.get(request)), all: measure(() => entities),
}));
