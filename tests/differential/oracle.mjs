// The official Cedar engine, answering a case. Calls and answers cross its boundary as JSON text of
// our own making, because JavaScript numbers would round Cedar's longs.

import {createRequire} from 'node:module';
import {Raw, parse, stringify} from './exact_json.mjs';

const require = createRequire(import.meta.url);
const kPackage = '@cedar-policy/cedar-wasm/nodejs';
const plainStringify = JSON.stringify;
const plainParse = JSON.parse;

const kTrap = {type: 'trap'};
const impossible = /policy is impossible/;

const decisionText = (response) =>
  `${response.decision} [${[...response.diagnostics.reason].sort().join(' ')}] ` +
  `[${response.diagnostics.errors.map((error) => error.policyId).sort().join(' ')}]`;

export class Oracle {
  constructor() { this.load(); }

  load() {
    delete require.cache[require.resolve(kPackage)];
    this.engine = require(kPackage);
  }

  version() { return this.engine.getCedarVersion(); }

  // call runs a function of the engine; a trap (its stack is small) is an answer of its own kind,
  // after which the engine is loaded anew.
  call(name, ...parameters) {
    JSON.stringify = (value) => (value instanceof Raw ? value.text : plainStringify(value));
    JSON.parse = (text) => new Raw(text);
    let answer;
    try {
      answer = this.engine[name](...parameters);
    } catch (error) {
      JSON.stringify = plainStringify;
      JSON.parse = plainParse;
      if (!(error instanceof WebAssembly.RuntimeError)) return {type: 'failure', errors: [{message: `${error}`}]};
      this.load();
      return kTrap;
    } finally {
      JSON.stringify = plainStringify;
      JSON.parse = plainParse;
    }
    return answer instanceof Raw ? parse(answer.text) : answer;
  }

  // policyJson is the JSON form of one policy or template, or null.
  policyJson(policy, isTemplate) {
    const answer = this.call(isTemplate ? 'templateToJson' : 'policyToJson', new Raw(stringify(policy)));
    return answer.type === 'success' ? answer.json : null;
  }

  // schemaJson and schemaText are the two forms of a schema, or null; resolvedSchema is the JSON form
  // of a text with every name resolved.
  schemaJson(schema) {
    const answer = this.call('schemaToJson', new Raw(stringify(schema)));
    return answer.type === 'success' ? answer.json : null;
  }
  schemaText(schema) {
    const answer = this.call('schemaToText', new Raw(stringify(schema)));
    return answer.type === 'success' ? answer.text : null;
  }
  resolvedSchema(text) {
    const answer = this.call('schemaToJsonWithResolvedTypes', text);
    return answer.type === 'success' ? answer.json : {failure: answer.errors?.[0]?.message};
  }

  // answer is everything that is compared: see cedar_differential.cc for the same of our engine.
  answer(one) {
    const schema = one.schema === null ? null : new Raw(stringify(one.schema));
    const policies = new Raw(stringify(one.policies));
    const entities = new Raw(stringify(one.entities));
    const why = {};
    const good = (name, answer) => {
      if (answer.type === 'success') return true;
      why[name] = answer.type === 'trap' ? 'trap' : (answer.errors ?? []).map((error) => error.message).join('; ');
      if (answer.type === 'trap') out.trap = true;
      return false;
    };
    const out = {schema: true, policies: true, entities: true, validation: null, requests: [], why};
    if (schema !== null) out.schema = good('schema', this.call('preparseSchema', 's', schema));
    out.policies = good('policies', this.call('preparsePolicySet', 'p', policies));
    if (out.schema) {
      const call = {entities, schema: schema ?? undefined};
      out.entities = good('entities', this.call('checkParseEntities', new Raw(stringify(call))));
    }
    if (schema !== null && out.schema && out.policies) {
      const verdict = this.call('validate', new Raw(stringify({schema, policies})));
      if (good('validation', verdict)) {
        out.validation = {
          errors: [...new Set(verdict.validationErrors.map((error) => error.policyId))].sort(),
          warnings: [...new Set(verdict.validationWarnings
            .filter((warning) => impossible.test(warning.error.message)).map((warning) => warning.policyId))].sort(),
        };
        why.validationErrors = verdict.validationErrors.map((e) => `${e.policyId}: ${e.error.message}`);
      }
    }
    const possible = out.schema && out.policies && out.entities;
    for (const [i, request] of one.requests.entries()) {
      if (!possible) {
        out.requests.push('failure');
        continue;
      }
      const {principal, action, resource, context, validateRequest} = request;
      const call = {principal, action, resource, context, entities, preparsedPolicySetId: 'p'};
      if (schema !== null) Object.assign(call, {preparsedSchemaName: 's', validateRequest});
      const answer = this.call('statefulIsAuthorized', new Raw(stringify(call)));
      out.requests.push(good(`request ${i}`, answer) ? decisionText(answer.response) : 'failure');
      if (answer.type === 'success') {
        why[`errors ${i}`] = answer.response.diagnostics.errors.map((e) => e.error.message);
      }
    }
    return out;
  }
}
