// Written forms that mean the same are made the same, so that only meanings are compared: for what
// was JSON before (of text, the JSON form is compared as it is).

// normalPolicy: `action in X` for `action in [X]`, `&&` of two `has` for a `has` with a path, set and
// record expressions for set and record values.
export function normalPolicy(policy) {
  const out = {...policy, conditions: policy.conditions.map(({kind, body}) => ({kind, body: normalExpr(body)}))};
  const {action} = policy;
  if (action.op === 'in' && action.entities?.length === 1) out.action = {op: 'in', entity: action.entities[0]};
  out.annotations = Object.fromEntries(Object.entries(policy.annotations ?? {}).map(([key, value]) => [key, value ?? '']));
  for (const [name, scope] of [['principal', out.principal], ['action', out.action], ['resource', out.resource]]) {
    out[name] = plainUids(scope);
  }
  return out;
}

// An entity id may stand in {"__entity": …}, also in two of them.
function plainUids(value) {
  if (value === null || typeof value !== 'object') return value;
  if (value.__entity) return plainUids(value.__entity);
  if (Array.isArray(value)) return value.map(plainUids);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainUids(item)]));
}

function valueExpr(value) {
  if (value === null || typeof value !== 'object' || value.__big) return {Value: value};
  if (value.__entity) return {Value: {__entity: plainUids(value)}};
  if (Array.isArray(value)) return {Set: value.map(valueExpr)};
  if (value.__extn) return {[value.__extn.fn]: (value.__extn.args ?? [value.__extn.arg]).map(valueExpr)};
  return {Record: Object.fromEntries(Object.entries(value).map(([key, item]) => [key, valueExpr(item)]))};
}

function normalExpr(expr) {
  const [[op, body]] = Object.entries(expr);
  if (op === 'Value') return valueExpr(body);
  if (op === 'has' && Array.isArray(body.attr)) {
    let left = normalExpr(body.left);
    let out = null;
    for (const attr of body.attr) {
      const one = {has: {left, attr}};
      out = out === null ? one : {'&&': {left: out, right: one}};
      left = {'.': {left, attr}};
    }
    return out;
  }
  if (op === 'like' || op === 'Var' || op === 'Slot') {
    return op === 'like' ? {like: {...body, left: normalExpr(body.left), pattern: normalPattern(body.pattern)}} : expr;
  }
  if (Array.isArray(body)) return {[op]: body.map(normalExpr)};
  if (op === 'Record') return {Record: Object.fromEntries(Object.entries(body).map(([key, item]) => [key, normalExpr(item)]))};
  const isExpr = (item) => item !== null && typeof item === 'object' && !Array.isArray(item);
  return {[op]: Object.fromEntries(Object.entries(body).map(([key, item]) => [key, isExpr(item) ? normalExpr(item) : item]))};
}

// Neighbouring literals are one; text is taken apart again by character on both sides.
function normalPattern(pattern) {
  return pattern.flatMap((piece) => (piece === 'Wildcard' ? [piece] : [...piece.Literal].map((c) => ({Literal: c}))));
}

// normalSchema: what is empty may be left out; a context that is a name is a common type; built-in
// types have one name.
export function normalSchema(value) {
  if (typeof value === 'string') return value.replace(/^__cedar::/, '');
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(normalSchema);
  const out = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === null) continue;
    const inner = normalSchema(item);
    if ((key === 'shape' || key === 'context') && inner.type === 'Record' && Object.keys(inner.attributes).length === 0) continue;
    if ((key === 'memberOf' || key === 'memberOfTypes' || key === 'commonTypes' || key === 'annotations') && Object.keys(inner).length === 0) continue;
    out[key] = (key === 'context' || key === 'shape') && inner.type === 'EntityOrCommon' ? {type: inner.name} : inner;
  }
  return out;
}
