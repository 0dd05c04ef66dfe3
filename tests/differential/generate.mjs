// Cases for differential testing, each made from one number: a schema, policies and templates with
// links, entities and requests. Most of a case is well typed under its schema; a share of it is
// not, on purpose, and a share is damaged text or JSON.
//
//   const made = makeCase(seed, index);   // {schema, policies, entities, requests, about}
//
// Integers are BigInt throughout: Cedar's longs do not fit a double. Expressions are trees in
// Cedar's JSON form (EST), written out as text by policy_text.mjs.

import {policyText} from './policy_text.mjs';
import {schemaJson, schemaText} from './schema_text.mjs';

// A small generator of random numbers (splitmix32): the same seed, the same case, everywhere.
export class Random {
  constructor(seed) { this.state = seed >>> 0; }
  next() {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }
  below(n) { return this.next() % n; }
  between(low, high) { return low + this.below(high - low + 1); }
  chance(p) { return this.next() < p * 4294967296; }
  pick(list) { return list[this.below(list.length)]; }
  // weighted takes [weight, thing] pairs.
  weighted(pairs) {
    let total = 0;
    for (const [weight] of pairs) total += weight;
    let at = (this.next() / 4294967296) * total;
    for (const [weight, thing] of pairs) {
      at -= weight;
      if (at < 0) return thing;
    }
    return pairs[pairs.length - 1][1];
  }
  shuffle(list) {
    for (let i = list.length - 1; i > 0; --i) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }
}

const kLongs = [0n, 1n, -1n, 2n, 3n, 7n, 10n, 42n, 100n, 1000n, 86400000n, 4294967296n,
  9007199254740993n, -9007199254740993n, 9223372036854775807n, -9223372036854775808n];
const kStrings = ['', 'a', 'b', 'ab', 'abc', 'a*b', '*', 'hello world', 'é', '日本', '😀', 'A"q"',
  'back\\slash', 'tab\there', 'line\nfeed', '\u0001', '\u007f', "it's", '?principal', 'a/b/c.txt'];
const kKeys = ['a', 'b', 'name', 'size', 'owner', 'when', 'permit', 'type', 'in', 'if', 'two words',
  'é', 'is', 'id', ''];
const kIds = ['a', 'b', 'c', 'x y', 'q"', 'é', ''];
const kGood = {
  ip: ['1.2.3.4', '10.0.0.0/8', '127.0.0.1', '127.0.0.0/8', '224.0.0.1', '0.0.0.0/0', '1.2.3.4/32',
    '10.1.2.3/24', '::1', '::', 'ff00::/8', 'fe80::1', '2001:db8::/32', '::ffff:7f00:1', '1:2:3:4:5:6:7:8'],
  decimal: ['0.0', '1.0', '1.5', '-0.5', '12.3456', '922337203685477.5807', '-922337203685477.5808',
    '0001.10'],
  datetime: ['1970-01-01', '2024-02-29', '1969-12-31T23:59:59.999Z', '2024-01-01T00:00:00Z',
    '2024-06-30T12:00:00+0530', '0001-01-01', '9999-12-31T23:59:59Z', '2024-01-01T00:00:00.001-2359'],
  duration: ['0ms', '1ms', '1h', '-1d', '1d2h3m4s5ms', '90m', '-1h30m', '106751991167d',
    '9223372036854775807ms', '-9223372036854775808ms'],
};
const kBad = {
  ip: ['1.2.3', '01.2.3.4', '1.2.3.4/33', '1.2.3.4/08', '[::1]', 'fe80::1%eth0', '::ffff:1.2.3.4',
    '1.2.3.4/', ' 1.2.3.4', '12345::', '::/129', ''],
  decimal: ['1', '1.', '.5', '+1.0', '1.23456', '922337203685477.5808', '1e3', '1.0 ', '--1.0'],
  datetime: ['2024-02-30', '2023-02-29', '2024-1-1', '2024-01-01T24:00:00Z', '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00', '2024-01-01t00:00:00z', '2024-01-01T00:00:00+2400', '10000-01-01',
    '2024-01-01T00:00:00.1Z', '2024-13-01'],
  duration: ['', '-', '1', '1h1d', '1h2h', '9223372036854775808ms', '1.5h', '+1h', ' 1h', '1H',
    '106751991168d'],
};
const kExtension = {ipaddr: 'ip', decimal: 'decimal', datetime: 'datetime', duration: 'duration'};
const kPrimitive = ['Bool', 'Long', 'String'];

const equalType = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const uidOf = (type, id) => ({type, id});
const entityValue = (uid) => ({Value: {__entity: uid}});

class CaseMaker {
  constructor(random) {
    this.r = random;
  }

  make() {
    const r = this.r;
    this.schema = this.makeSchema();
    this.universe();
    const withSchema = r.chance(0.7);
    // How often an expression is of another type than asked for.
    this.wild = withSchema ? r.weighted([[6, 0], [3, 0.008], [1, 0.05]]) : r.pick([0.005, 0.02, 0.06]);
    // How often what is optional is used without asking whether it is there.
    this.careless = withSchema ? r.weighted([[7, 0], [1, 0.05], [1, 0.3]]) : 0.15;
    // How often extension text is ill-formed and arithmetic big.
    this.rough = r.weighted([[5, 0.02], [2, 0.2]]);
    this.focus = [r.pick(this.environments), r.pick(this.environments)];
    const about = [];
    const policies = this.makePolicies(about);
    const out = {
      schema: withSchema ? (r.chance(0.6) ? schemaText(this.schema, r) : schemaJson(this.schema, r)) : null,
      policies,
      entities: this.makeEntities(withSchema),
      requests: Array.from({length: r.between(2, 4)}, () => this.makeRequest(withSchema)),
    };
    this.damage(out, about);
    out.about = about;
    return out;
  }

  // ---- the schema

  makeSchema() {
    const r = this.r;
    const spaces = r.weighted([[4, ['']], [3, ['App']], [2, ['', 'App']], [1, ['App', 'App::In', '']]]);
    const schema = {namespaces: spaces.map((name) => ({name, commons: [], entities: [], actions: []}))};
    const full = (space, name) => (space.name === '' ? name : `${space.name}::${name}`);
    const typeNames = r.shuffle(['User', 'Group', 'Doc', 'Folder', 'Kind', 'Box']).slice(0, r.between(3, 5));
    for (const name of typeNames) {
      const space = r.pick(schema.namespaces);
      space.entities.push({name, full: full(space, name), parents: [], attributes: {}, tags: null, ids: null});
    }
    this.entityTypes = schema.namespaces.flatMap((space) => space.entities);
    this.commons = [];
    for (let i = r.below(3); i > 0; --i) {
      const space = r.pick(schema.namespaces);
      const name = `C${i}`;
      const common = {name, full: full(space, name), type: r.chance(0.6) ? this.recordType(2) : this.type(1)};
      space.commons.push(common);
      this.commons.push(common);
    }
    this.entityTypes.forEach((type, i) => {
      if (i > 1 && r.chance(0.2)) {
        type.ids = r.shuffle([...kIds]).slice(0, r.between(1, 3));
        return;
      }
      // Parents come later in the list, or are the type itself.
      type.parents = this.entityTypes.filter((_, j) => j >= i && r.chance(j === i ? 0.4 : 0.5)).map((t) => t.full);
      type.attributes = this.recordType(2).attributes;
      if (r.chance(0.3)) type.tags = this.type(1);
      type.shape = r.chance(0.15) ? this.commons.find((c) => c.type.k === 'Record') : undefined;
      if (type.shape) type.attributes = type.shape.type.attributes;
    });
    // An enumerated type has no parents and nothing below needs it to have: fine as a parent.
    const actionSpace = r.pick(schema.namespaces);
    const actionType = full(actionSpace, 'Action');
    const names = r.shuffle(['view', 'edit', 'delete', 'two words', 'permit']).slice(0, r.between(2, 4));
    const groups = r.chance(0.6) ? ['all', ...(r.chance(0.4) ? ['some'] : [])] : [];
    this.actions = [];
    groups.forEach((id, i) => {
      const parents = i > 0 && r.chance(0.5) ? [uidOf(actionType, groups[0])] : [];
      this.actions.push({id, uid: uidOf(actionType, id), parents, applies: null});
    });
    for (const id of names) {
      const parents = groups.filter(() => r.chance(0.5)).map((g) => uidOf(actionType, g));
      const some = () => r.shuffle(this.entityTypes.map((t) => t.full)).slice(0, r.chance(0.6) ? 1 : 2);
      const common = r.chance(0.15) ? this.commons.find((c) => c.type.k === 'Record') : undefined;
      const context = common ? common.type : this.recordType(2);
      this.actions.push({id, uid: uidOf(actionType, id), parents,
        applies: {principals: some(), resources: some(), context, common}});
    }
    actionSpace.actions = this.actions;
    this.environments = this.actions.filter((a) => a.applies).flatMap((action) =>
      action.applies.principals.flatMap((principal) =>
        action.applies.resources.map((resource) => ({action, principal, resource}))));
    return schema;
  }

  type(depth) {
    const r = this.r;
    const kind = r.weighted([[3, 'Bool'], [4, 'Long'], [4, 'String'], [3, 'Entity'], [1.2, 'ipaddr'],
      [1.2, 'decimal'], [1.2, 'datetime'], [1.2, 'duration'], [depth > 0 ? 3 : 0, 'Set'],
      [depth > 0 ? 2 : 0, 'Record']]);
    if (kind === 'Entity') return {k: 'Entity', name: r.pick(this.entityTypes).full};
    if (kind === 'Set') return {k: 'Set', element: this.type(depth - 1)};
    if (kind === 'Record') return this.recordType(depth - 1);
    return {k: kind};
  }

  recordType(depth) {
    const r = this.r;
    const attributes = {};
    for (const key of r.shuffle([...kKeys]).slice(0, r.below(5))) {
      attributes[key] = {type: this.type(depth - 1), required: r.chance(0.65)};
    }
    return {k: 'Record', attributes};
  }

  entityType(name) { return this.entityTypes.find((t) => t.full === name); }

  // ---- values

  long() {
    const r = this.r;
    return r.chance(this.rough ?? 0.1) ? r.pick(kLongs) : BigInt(r.between(-3, 12));
  }
  uid(name) {
    const type = this.entityType(name);
    if (type?.ids && !this.r.chance(0.03)) return uidOf(name, this.r.pick(type.ids));
    return uidOf(name, this.r.pick(type?.ids ? kIds : this.idsOf(name)));
  }
  idsOf(name) { return this.ids.get(name) ?? ['a']; }
  extensionText(fn) {
    return this.r.chance(this.rough / 2) ? this.r.pick(kBad[fn]) : this.r.pick(kGood[fn]);
  }

  // value is Cedar's JSON form; `implicit` leaves out what a schema makes superfluous.
  value(type, implicit) {
    const r = this.r;
    switch (type.k) {
      case 'Bool': return r.chance(0.5);
      case 'Long': return this.long();
      case 'String': return r.pick(kStrings);
      case 'Entity': {
        const uid = this.uid(type.name);
        return implicit && r.chance(0.5) ? uid : {__entity: uid};
      }
      case 'Set': return Array.from({length: r.below(4)}, () => this.value(type.element, implicit));
      case 'Record': {
        const out = {};
        for (const [key, attribute] of Object.entries(type.attributes)) {
          if (attribute.required || r.chance(0.6)) out[key] = this.value(attribute.type, implicit);
        }
        return out;
      }
      default: {
        const fn = kExtension[type.k];
        const arg = r.chance(0.004) ? r.pick(kBad[fn]) : r.pick(kGood[fn]);
        if (implicit && r.chance(0.4)) return arg;
        return {__extn: {fn, arg}};
      }
    }
  }

  // ---- entities and requests

  universe() {
    const r = this.r;
    this.ids = new Map(this.entityTypes.map((type) =>
      [type.full, type.ids ?? r.shuffle([...kIds]).slice(0, r.between(2, 3))]));
    this.present = this.entityTypes.flatMap((type) =>
      this.idsOf(type.full).filter(() => r.chance(0.85)).map((id) => uidOf(type.full, id)));
  }

  makeEntities(withSchema) {
    const r = this.r;
    const out = [];
    for (const [i, uid] of this.present.entries()) {
      const type = this.entityType(uid.type);
      const entity = {uid: r.chance(0.8) ? uid : {__entity: uid}, attrs: {}, parents: []};
      entity.attrs = this.value({k: 'Record', attributes: type.attributes}, withSchema);
      // Entities come before their ancestors, so that there are no cycles.
      for (const [j, above] of this.present.entries()) {
        if (j > i && type.parents.includes(above.type) && r.chance(0.4)) entity.parents.push(above);
      }
      if (type.tags && r.chance(0.8)) {
        entity.tags = {};
        for (const key of kKeys.slice(0, 4)) {
          if (r.chance(0.5)) entity.tags[key] = this.value(type.tags, withSchema);
        }
      }
      if (!withSchema && r.chance(0.2)) entity.attrs[r.pick(kKeys)] = this.value(this.type(1), false);
      out.push(entity);
    }
    if (!withSchema) {
      for (const action of this.actions) {
        if (r.chance(0.9)) out.push({uid: action.uid, attrs: {}, parents: action.parents});
      }
    }
    return r.shuffle(out);
  }

  makeRequest(withSchema) {
    const r = this.r;
    const environment = r.chance(0.75) ? r.pick(this.focus) : r.pick(this.environments);
    const request = {
      principal: this.uid(environment.principal),
      action: environment.action.uid,
      resource: this.uid(environment.resource),
      context: this.value(environment.action.applies.context, withSchema),
      validateRequest: withSchema && r.chance(0.8),
    };
    if (r.chance(0.04)) request.principal = this.uid(r.pick(this.entityTypes).full);
    if (r.chance(0.02)) request.resource = uidOf('Ghost', 'a');
    if (r.chance(0.02)) request.action = r.pick(this.actions).uid;
    if (r.chance(withSchema ? 0.02 : 0.1)) request.context[r.pick(kKeys)] = this.value(this.type(1), false);
    return request;
  }

  // ---- policies

  makePolicies(about) {
    const r = this.r;
    const count = r.weighted([[4, r.between(1, 3)], [4, r.between(4, 12)], [1, r.between(13, 60)]]);
    this.forbid = Math.min(0.35, 0.8 / count);
    const list = Array.from({length: count}, () => this.makePolicy(false));
    let staticPolicies;
    const form = r.weighted([[3, 'one text'], [3, 'texts'], [3, 'json'], [1, 'mixed']]);
    about.push(form);
    const written = list.map((policy) => {
      const asJson = form === 'json' || (form === 'mixed' && r.chance(0.5));
      return asJson ? policy : policyText(policy, r);
    });
    if (form === 'one text') {
      staticPolicies = written.join(r.pick(['\n', '\n\n', ' // next\n']));
    } else {
      staticPolicies = {};
      written.forEach((policy, i) => { staticPolicies[r.chance(0.9) ? `p${i}` : `p ${i}é`] = policy; });
    }
    const out = {staticPolicies};
    if (r.chance(0.4)) {
      out.templates = {};
      out.templateLinks = [];
      for (let i = r.between(1, 3); i > 0; --i) {
        const template = this.makePolicy(true);
        const id = `t${i}`;
        out.templates[id] = r.chance(0.6) ? policyText(template, r) : template;
        for (let j = r.below(5); j > 0; --j) out.templateLinks.push(this.makeLink(id, template, `l${i}.${j}`));
      }
      about.push('templates');
    }
    return out;
  }

  makeLink(templateId, template, newId) {
    const r = this.r;
    const values = {};
    for (const [slot, at] of [['?principal', 'principal'], ['?resource', 'resource']]) {
      const scope = template[at];
      const uses = scope.slot !== undefined || scope.in?.slot !== undefined;
      if (uses !== r.chance(0.003)) values[slot] = this.uid(template.about[at]);
    }
    return {templateId: r.chance(0.998) ? templateId : 't9', newId: r.chance(0.998) ? newId : 'p0', values};
  }

  makePolicy(template) {
    const r = this.r;
    const environment = r.chance(0.7) ? r.pick(this.focus) : r.pick(this.environments);
    this.environment = environment;
    this.paths = this.pathsOf(environment);
    const slots = template ? r.weighted([[3, [1, 0]], [3, [0, 1]], [3, [1, 1]]]) : [0, 0];
    const policy = {
      effect: r.chance(this.forbid) ? 'forbid' : 'permit',
      principal: this.scope(environment.principal, slots[0] ? '?principal' : null),
      action: this.actionScope(environment.action),
      resource: this.scope(environment.resource, slots[1] ? '?resource' : null),
      conditions: [],
    };
    for (let i = r.weighted([[2, 0], [5, 1], [2, 2]]); i > 0; --i) {
      policy.conditions.push({kind: r.chance(0.8) ? 'when' : 'unless', body: this.guarded(() => this.bool(r.between(0, 4)))});
    }
    if (r.chance(0.25)) {
      policy.annotations = {};
      for (const key of r.shuffle(['id', 'if', 'note', 'in']).slice(0, r.between(1, 2))) {
        policy.annotations[key] = r.chance(0.2) ? '' : r.pick(kStrings);
      }
    }
    // What the slots are to be filled with; not part of the policy.
    Object.defineProperty(policy, 'about', {value: {principal: environment.principal, resource: environment.resource}});
    return policy;
  }

  ancestorType(name) {
    const type = this.entityType(name);
    return type && type.parents.length > 0 && this.r.chance(0.7) ? this.r.pick(type.parents) : name;
  }

  scope(type, slot) {
    const r = this.r;
    if (slot) {
      return r.weighted([[2, {op: '==', slot}], [2, {op: 'in', slot}],
        [2, {op: 'is', entity_type: type, in: {slot}}]]);
    }
    if (r.chance(0.02)) type = r.pick(this.entityTypes).full;
    switch (r.weighted([[3, 'All'], [4, 'is'], [1.2, '=='], [1.6, 'in'], [1.2, 'is in']])) {
      case 'All': return {op: 'All'};
      case 'is': return {op: 'is', entity_type: type};
      case '==': return {op: '==', entity: this.uid(type)};
      case 'in': return {op: 'in', entity: this.uid(this.ancestorType(type))};
      default: return {op: 'is', entity_type: type, in: {entity: this.uid(this.ancestorType(type))}};
    }
  }

  actionScope(action) {
    const r = this.r;
    switch (r.weighted([[1.5, 'All'], [5, '=='], [2, 'in'], [2, 'list']])) {
      case 'All': return {op: 'All'};
      case '==': return {op: '==', entity: action.uid};
      case 'in': return {op: 'in', entity: action.parents.length > 0 ? r.pick(action.parents) : action.uid};
      default: {
        const entities = [action.uid];
        if (r.chance(0.3)) entities.push(r.pick(this.actions).uid);
        if (r.chance(0.05)) entities.length = 0;
        return {op: 'in', entities: r.shuffle(entities)};
      }
    }
  }

  // ---- expressions

  // pathsOf lists what an environment can reach: {expr, type, guards}, guards being what has to
  // hold before.
  pathsOf(environment) {
    const out = [];
    const walk = (expr, type, guards, depth) => {
      out.push({expr, type, guards});
      if (depth === 0) return;
      let attributes = {};
      if (type.k === 'Record') attributes = type.attributes;
      if (type.k === 'Entity') {
        const entity = this.entityType(type.name);
        attributes = entity?.attributes ?? {};
        if (entity?.tags) {
          const key = {Value: kKeys[this.r.below(4)]};
          out.push({expr: {getTag: {left: expr, right: key}}, type: entity.tags,
            guards: [...guards, {hasTag: {left: expr, right: key}}]});
        }
      }
      for (const [attr, {type: inner, required}] of Object.entries(attributes)) {
        const guard = required ? [] : [{has: {left: expr, attr}}];
        walk({'.': {left: expr, attr}}, inner, [...guards, ...guard], depth - 1);
      }
    };
    walk({Var: 'principal'}, {k: 'Entity', name: environment.principal}, [], 2);
    walk({Var: 'resource'}, {k: 'Entity', name: environment.resource}, [], 2);
    walk({Var: 'context'}, environment.action.applies.context, [], 3);
    return out;
  }

  // guarded makes an expression and puts what it relies on in front of it.
  guarded(make) {
    const outer = this.guards;
    this.guards = [];
    let expr = make();
    for (const guard of this.guards.reverse()) {
      if (!this.r.chance(this.careless)) expr = {'&&': {left: guard, right: expr}};
    }
    this.guards = outer;
    return expr;
  }

  path(type) {
    const fitting = this.paths.filter((path) => equalType(path.type, type));
    if (fitting.length === 0) return null;
    const path = this.r.pick(fitting);
    this.guards?.push(...path.guards);
    return path.expr;
  }

  expr(type, depth) {
    const r = this.r;
    if (r.chance(this.wild)) type = this.type(1);
    if (type.k !== 'Bool' && r.chance(0.55)) {
      const path = this.path(type);
      if (path) return path;
    }
    if (depth > 0 && type.k !== 'Bool' && r.chance(0.08)) {
      return {'if-then-else': {if: this.bool(depth - 1), then: this.expr(type, depth - 1), else: this.expr(type, depth - 1)}};
    }
    switch (type.k) {
      case 'Bool': return this.bool(depth);
      case 'Long': return this.longExpr(depth);
      case 'String': return {Value: r.pick(kStrings)};
      case 'Entity': return entityValue(this.uid(type.name));
      case 'Set': {
        if (r.chance(0.05)) return {Value: this.value(type, false)};
        const items = Array.from({length: r.chance(0.97) ? r.between(1, 3) : 0}, () => this.expr(type.element, depth - 1));
        return {Set: items};
      }
      case 'Record': {
        if (r.chance(0.05)) return {Value: this.value(type, false)};
        const fields = {};
        for (const [key, attribute] of Object.entries(type.attributes)) {
          if (attribute.required || r.chance(0.5)) fields[key] = this.expr(attribute.type, depth - 1);
        }
        return {Record: fields};
      }
      default: return this.extensionExpr(type.k, depth);
    }
  }

  longExpr(depth) {
    const r = this.r;
    if (depth > 0 && r.chance(0.45)) {
      const two = () => ({left: this.expr({k: 'Long'}, depth - 1), right: this.expr({k: 'Long'}, depth - 1)});
      return r.weighted([
        [3, () => ({'+': two()})], [3, () => ({'-': two()})], [2, () => ({'*': two()})],
        [1.5, () => ({neg: {arg: this.expr({k: 'Long'}, depth - 1)}})],
        [2, () => ({[r.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'])]:
          [this.expr({k: 'duration'}, depth - 1)]})],
      ])();
    }
    return {Value: this.long()};
  }

  extensionExpr(kind, depth) {
    const r = this.r;
    const fn = kExtension[kind];
    const sub = (k) => this.expr({k}, depth - 1);
    if (depth > 0 && r.chance(0.4)) {
      if (kind === 'datetime') {
        return r.chance(0.5) ? {offset: [sub('datetime'), sub('duration')]} : {toDate: [sub('datetime')]};
      }
      if (kind === 'duration') {
        return r.chance(0.5) ? {durationSince: [sub('datetime'), sub('datetime')]} : {toTime: [sub('datetime')]};
      }
    }
    if (r.chance(0.03)) return {Value: {__extn: {fn, arg: this.extensionText(fn)}}};
    return {[fn]: [r.chance(0.97) ? {Value: this.extensionText(fn)} : sub('String')]};
  }

  pattern() {
    const r = this.r;
    const out = [];
    for (let i = r.between(1, 4); i > 0; --i) {
      out.push(r.chance(0.5) ? 'Wildcard' : {Literal: r.pick(['a', 'b', '*', 'é', 'hello', '/', '\\', '"'])});
    }
    return out;
  }

  bool(depth) {
    const r = this.r;
    if (depth <= 0) {
      return r.weighted([
        [2, () => ({Value: r.chance(0.6)})],
        [4, () => this.guarded(() => this.path({k: 'Bool'}) ?? {Value: true})],
        [8, () => this.guarded(() => this.atom(1))],
      ])();
    }
    const sub = () => this.bool(depth - 1);
    return r.weighted([
      [3, () => ({'&&': {left: sub(), right: sub()}})],
      [3, () => ({'||': {left: sub(), right: sub()}})],
      [1.5, () => ({'!': {arg: sub()}})],
      [1, () => ({'if-then-else': {if: sub(), then: sub(), else: sub()}})],
      [5, () => this.guarded(() => this.atom(depth))],
    ])();
  }

  // atom compares or tests something.
  atom(depth) {
    const r = this.r;
    const d = depth - 1;
    const of = (type) => this.expr(type, d);
    const kind = (k) => this.expr({k}, d);
    const anEntity = () => r.pick(this.paths.filter((path) => path.type.k === 'Entity'));
    const use = (path) => { this.guards?.push(...path.guards); return path.expr; };
    const anyType = () => (r.chance(0.6) ? r.pick(this.paths).type : this.type(1));
    return r.weighted([
      [5, () => { const type = anyType(); return {[r.pick(['==', '!='])]: {left: of(type), right: of(type)}}; }],
      [4, () => { const k = r.pick(['Long', 'Long', 'datetime', 'duration']);
        return {[r.pick(['<', '<=', '>', '>='])]: {left: kind(k), right: kind(k)}}; }],
      [3, () => { const path = anEntity(); const above = this.ancestorType(path.type.name);
        const target = r.chance(0.6) ? of({k: 'Entity', name: above})
          : {Set: Array.from({length: r.between(1, 3)}, () => of({k: 'Entity', name: above}))};
        return {in: {left: use(path), right: target}}; }],
      [2, () => { const path = anEntity();
        const out = {left: use(path), entity_type: r.chance(0.7) ? path.type.name : r.pick(this.entityTypes).full};
        if (r.chance(0.35)) out.in = of({k: 'Entity', name: this.ancestorType(path.type.name)});
        return {is: out}; }],
      [3, () => { const path = r.pick(this.paths.filter((p) => ['Entity', 'Record'].includes(p.type.k)));
        const left = use(path);
        if (r.chance(0.15)) return {has: {left, attr: [r.pick(kKeys.slice(0, 8)), r.pick(kKeys.slice(0, 8))]}};
        const known = path.type.k === 'Record' ? path.type.attributes : (this.entityType(path.type.name)?.attributes ?? {});
        const keys = Object.keys(known);
        return {has: {left, attr: keys.length > 0 && r.chance(0.8) ? r.pick(keys) : r.pick(kKeys)}}; }],
      [1.5, () => { const path = anEntity();
        return {hasTag: {left: use(path), right: {Value: r.pick(kKeys.slice(0, 4))}}}; }],
      [2, () => ({like: {left: kind('String'), pattern: this.pattern()}})],
      [2.5, () => { const sets = this.paths.filter((p) => p.type.k === 'Set');
        const set = sets.length > 0 && r.chance(0.7) ? r.pick(sets).type : {k: 'Set', element: this.type(0)};
        if (r.chance(0.5)) return {contains: {left: of(set), right: of(set.element)}};
        if (r.chance(0.2)) return {isEmpty: {arg: of(set)}};
        return {[r.pick(['containsAll', 'containsAny'])]: {left: of(set), right: of(set)}}; }],
      [1.5, () => ({[r.pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'])]: [kind('ipaddr')]})],
      [1, () => ({isInRange: [kind('ipaddr'), kind('ipaddr')]})],
      [1.5, () => ({[r.pick(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'])]:
        [kind('decimal'), kind('decimal')]})],
      [1, () => ({[r.pick(['==', '!='])]: {left: {Var: 'action'}, right: entityValue(r.pick(this.actions).uid)}})],
    ])();
  }

  // ---- damage: text and JSON that no longer is what it was

  damage(out, about) {
    const r = this.r;
    const hit = r.weighted([[84, ''], [5, 'policy'], [4, 'schema'], [4, 'entities'], [3, 'request']]);
    if (hit === '') return;
    about.push(`damaged ${hit}`);
    const harm = (thing) => (typeof thing === 'string' ? this.harmText(thing) : this.harmJson(thing));
    if (hit === 'policy') {
      const {policies} = out;
      if (typeof policies.staticPolicies === 'string') {
        policies.staticPolicies = this.harmText(policies.staticPolicies);
      } else {
        const id = r.pick(Object.keys(policies.staticPolicies));
        policies.staticPolicies[id] = harm(policies.staticPolicies[id]);
      }
    } else if (hit === 'schema' && out.schema !== null) {
      out.schema = harm(out.schema);
    } else if (hit === 'entities') {
      out.entities = this.harmJson(out.entities);
    } else if (hit === 'request') {
      const request = r.pick(out.requests);
      request.context = this.harmJson(request.context);
    }
  }

  harmText(text) {
    const r = this.r;
    const tokens = text.match(/"(?:[^"\\]|\\.)*"|\w+|\s+|::|[<>=!&|]+|./gsu) ?? [];
    if (tokens.length === 0) return text;
    const at = r.below(tokens.length);
    r.weighted([
      [3, () => tokens.splice(at, 1)],
      [2, () => tokens.splice(at, 0, tokens[at])],
      [3, () => { tokens[at] = r.pick(tokens); }],
      [3, () => tokens.splice(at, 0, r.pick(['(', ')', '{', '}', '[', ']', ',', ';', '.', '==', '<', 'in',
        'is', 'has', 'like', '!', '-', '0', '9223372036854775808', '?principal', '?resource', '__cedar', '@',
        'true', '"\\x"', '"\\u{0}"', '// c\n', '\u00a0', '\u2028', '%', '/', '?', ':', '::', 'if', 'enum']))],
    ])();
    return tokens.join('');
  }

  harmJson(value) {
    const r = this.r;
    const copy = structuredClone(value);
    const places = [];
    const walk = (thing, parent, key) => {
      if (parent !== null) places.push([parent, key]);
      if (thing !== null && typeof thing === 'object') {
        for (const inner of Object.keys(thing)) walk(thing[inner], thing, inner);
      }
    };
    walk(copy, null, null);
    if (places.length === 0) return copy;
    const [parent, key] = r.pick(places);
    r.weighted([
      [3, () => { if (Array.isArray(parent)) parent.splice(key, 1); else delete parent[key]; }],
      [4, () => { parent[key] = r.pick([null, true, 1n, 'a', [], {}, 9223372036854775808n,
        {__entity: {type: 'User', id: 'a'}}, {__extn: {fn: 'ip', arg: '1.2.3.4'}}, {__extn: {fn: 'ip', args: ['::1']}},
        {Value: 1n}, {Var: 'principal'}, {Slot: '?principal'}]); }],
      [2, () => { if (!Array.isArray(parent)) { parent[r.pick(['extra', 'type', 'attrs', 'op', 'slot'])] = parent[key]; } }],
      [1, () => { const [other, otherKey] = r.pick(places); parent[key] = structuredClone(other[otherKey]); }],
    ])();
    return copy;
  }
}

// makeCase makes case number `index` of the series `seed`.
export function makeCase(seed, index) {
  const mixed = new Random(seed);
  const start = mixed.next() ^ Math.imul(index + 1, 0x9e3779b1);
  return new CaseMaker(new Random(start)).make();
}
