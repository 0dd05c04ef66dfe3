// A policy in Cedar's JSON form, written as policy text, with the liberties the grammar allows:
// spare parentheses, either form of an attribute, escapes, white space, comments.

import {isName, quoted, uidText} from './cedar_text.mjs';

// How tightly an expression binds; an operand that binds less needs parentheses.
const kIf = 0, kOr = 1, kAnd = 2, kRelation = 3, kSum = 4, kProduct = 5, kUnary = 6, kMember = 7, kPrimary = 8;

const kRelations = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);
const kMethods = new Set(['contains', 'containsAll', 'containsAny', 'getTag', 'hasTag']);
const kFunctions = new Set(['ip', 'decimal', 'datetime', 'duration']);

function valueExpr(value) {
  if (typeof value === 'object' && value !== null && !value.__entity) {
    if (Array.isArray(value)) return {Set: value.map((item) => ({Value: item}))};
    if (value.__extn) return {[value.__extn.fn]: [{Value: value.__extn.arg}]};
    return {Record: Object.fromEntries(Object.entries(value).map(([k, v]) => [k, {Value: v}]))};
  }
  return null;
}

class Writer {
  constructor(random) { this.r = random; }

  // write gives text that binds at least as tightly as `level`.
  write(expr, level = kIf) {
    const [own, text] = this.form(expr);
    return own < level || this.r.chance(0.03) ? `(${text})` : text;
  }

  attribute(left, attr) {
    const base = this.write(left, kMember);
    return isName(attr) && this.r.chance(0.85) ? `${base}.${attr}` : `${base}[${quoted(attr, this.r)}]`;
  }

  form(expr) {
    const [[op, body]] = Object.entries(expr);
    const two = (level, left, right) =>
      [level, `${this.write(body.left, left)} ${op} ${this.write(body.right, right)}`];
    if (kRelations.has(op)) return two(kRelation, kSum, kSum);
    if (kMethods.has(op)) {
      return [kMember, `${this.write(body.left, kMember)}.${op}(${this.write(body.right)})`];
    }
    switch (op) {
      case 'Value': {
        const inner = valueExpr(body);
        if (inner) return this.form(inner);
        if (typeof body === 'bigint') return [body < 0n ? kUnary : kPrimary, `${body}`];
        if (typeof body === 'string') return [kPrimary, quoted(body, this.r)];
        if (typeof body === 'boolean') return [kPrimary, `${body}`];
        return [kPrimary, uidText(body.__entity, this.r)];
      }
      case 'Var': return [kPrimary, body];
      case 'Slot': return [kPrimary, body];
      case '!': return [kUnary, `!${this.write(body.arg, body.arg['!'] ? kMember : kUnary)}`];
      case 'neg': {
        // `-1` is a literal, `-(1)` the operator.
        const literal = typeof body.arg.Value === 'bigint' || body.arg.neg;
        return [kUnary, literal ? `-(${this.write(body.arg)})` : `-${this.write(body.arg, kUnary)}`];
      }
      case '&&': return two(kAnd, kAnd, kRelation);
      case '||': return two(kOr, kOr, kAnd);
      case '+': case '-': return two(kSum, kSum, kProduct);
      case '*': return two(kProduct, kProduct, kUnary);
      case '.': return [kMember, this.attribute(body.left, body.attr)];
      case 'has': {
        const left = this.write(body.left, kSum);
        if (Array.isArray(body.attr)) return [kRelation, `${left} has ${body.attr.join('.')}`];
        const name = isName(body.attr) && this.r.chance(0.8) ? body.attr : quoted(body.attr, this.r);
        return [kRelation, `${left} has ${name}`];
      }
      case 'like': {
        const pattern = body.pattern.map((piece) =>
          piece === 'Wildcard' ? '*' : quoted(piece.Literal, this.r).slice(1, -1).replaceAll('*', '\\*')).join('');
        return [kRelation, `${this.write(body.left, kSum)} like "${pattern}"`];
      }
      case 'is': {
        const within = body.in ? ` in ${this.write(body.in, kSum)}` : '';
        return [kRelation, `${this.write(body.left, kSum)} is ${body.entity_type}${within}`];
      }
      case 'if-then-else':
        return [kIf, `if ${this.write(body.if)} then ${this.write(body.then)} else ${this.write(body.else)}`];
      case 'isEmpty': return [kMember, `${this.write(body.arg, kMember)}.isEmpty()`];
      case 'Set': return [kPrimary, `[${body.map((item) => this.write(item)).join(', ')}]`];
      case 'Record': {
        const fields = Object.entries(body).map(([key, item]) =>
          `${isName(key) && this.r.chance(0.7) ? key : quoted(key, this.r)}: ${this.write(item)}`);
        return [kPrimary, `{${fields.join(', ')}}`];
      }
      default:
        if (kFunctions.has(op)) return [kPrimary, `${op}(${body.map((item) => this.write(item)).join(', ')})`];
        return [kMember, `${this.write(body[0], kMember)}.${op}(${body.slice(1).map((item) => this.write(item)).join(', ')})`];
    }
  }

  scope(variable, scope) {
    const target = (what) => what.slot ?? uidText(what.entity, this.r);
    switch (scope.op) {
      case 'All': return variable;
      case '==': return `${variable} == ${target(scope)}`;
      case 'in':
        if (scope.entities) return `${variable} in [${scope.entities.map((uid) => uidText(uid, this.r)).join(', ')}]`;
        return `${variable} in ${target(scope)}`;
      default: return `${variable} is ${scope.entity_type}${scope.in ? ` in ${target(scope.in)}` : ''}`;
    }
  }
}

// policyText writes a policy or template.
export function policyText(policy, random) {
  const writer = new Writer(random);
  const gap = random.pick([' ', '\n', '\n  ', ' // note\n']);
  let out = '';
  for (const [key, value] of Object.entries(policy.annotations ?? {})) {
    out += value === '' && random.chance(0.5) ? `@${key}\n` : `@${key}(${quoted(value, random)})\n`;
  }
  const scopes = ['principal', 'action', 'resource'].map((name) => writer.scope(name, policy[name]));
  out += `${policy.effect}${random.pick(['', ' '])}(${scopes.join(`,${gap}`)}${random.chance(0.1) ? ',' : ''})`;
  for (const condition of policy.conditions) {
    out += `${gap}${condition.kind} {${gap}${writer.write(condition.body)} }`;
  }
  return `${out};`;
}
