// A generated schema, written in Cedar's human form or its JSON form.

import {isName, quoted} from './cedar_text.mjs';

const kBuiltIn = {Bool: 'Bool', Long: 'Long', String: 'String', ipaddr: 'ipaddr', decimal: 'decimal',
  datetime: 'datetime', duration: 'duration'};

function typeText(type, random) {
  switch (type.k) {
    case 'Entity': return type.name;
    case 'Set': return `Set<${typeText(type.element, random)}>`;
    case 'Record': return recordText(type.attributes, random);
    default: return random.chance(0.1) ? `__cedar::${kBuiltIn[type.k]}` : kBuiltIn[type.k];
  }
}

function recordText(attributes, random) {
  const fields = Object.entries(attributes).map(([key, {type, required}]) => {
    const name = isName(key) && random.chance(0.8) ? key : quoted(key, random);
    return `${name}${required ? '' : '?'}: ${typeText(type, random)}`;
  });
  return `{${fields.join(', ')}${fields.length > 0 && random.chance(0.2) ? ',' : ''}}`;
}

const list = (items) => (items.length === 1 ? items[0] : `[${items.join(', ')}]`);

// schemaText is the human form.
export function schemaText(schema, random) {
  let out = '';
  for (const space of schema.namespaces) {
    const lines = [];
    for (const common of space.commons) lines.push(`type ${common.name} = ${typeText(common.type, random)};`);
    for (const entity of space.entities) {
      const note = random.chance(0.1) ? '@doc("an entity") ' : '';
      if (entity.ids) {
        lines.push(`${note}entity ${entity.name} enum [${entity.ids.map((id) => quoted(id, random)).join(', ')}];`);
        continue;
      }
      const above = entity.parents.length > 0 ? ` in [${entity.parents.join(', ')}]` : '';
      const shape = ` ${random.chance(0.5) ? '= ' : ''}${recordText(entity.attributes, random)}`;
      const tags = entity.tags ? ` tags ${typeText(entity.tags, random)}` : '';
      lines.push(`${note}entity ${entity.name}${above}${shape}${tags};`);
    }
    for (const action of space.actions) {
      const name = isName(action.id) && random.chance(0.8) ? action.id : quoted(action.id, random);
      const above = action.parents.length > 0 ? ` in [${action.parents.map((p) => quoted(p.id, random)).join(', ')}]` : '';
      let applies = '';
      if (action.applies) {
        const {principals, resources, context, common} = action.applies;
        const parts = [`principal: ${list(principals)}`, `resource: ${list(resources)}`,
          `context: ${common ? common.full : recordText(context.attributes, random)}`];
        applies = ` appliesTo {${parts.join(', ')}}`;
      }
      lines.push(`action ${name}${above}${applies};`);
    }
    out += space.name === '' ? `${lines.join('\n')}\n` : `namespace ${space.name} {\n  ${lines.join('\n  ')}\n}\n`;
  }
  return out;
}

function typeJson(type) {
  switch (type.k) {
    case 'Bool': return {type: 'Boolean'};
    case 'Long': case 'String': return {type: type.k};
    case 'Entity': return {type: 'Entity', name: type.name};
    case 'Set': return {type: 'Set', element: typeJson(type.element)};
    case 'Record': return recordJson(type.attributes);
    default: return {type: 'Extension', name: type.k};
  }
}

function recordJson(attributes) {
  return {type: 'Record', attributes: Object.fromEntries(Object.entries(attributes).map(([key, {type, required}]) =>
    [key, required ? typeJson(type) : {...typeJson(type), required}]))};
}

// schemaJson is the JSON form.
export function schemaJson(schema, random) {
  const out = {};
  for (const space of schema.namespaces) {
    const part = {entityTypes: {}, actions: {}};
    if (space.commons.length > 0) {
      part.commonTypes = Object.fromEntries(space.commons.map((common) => [common.name, typeJson(common.type)]));
    }
    for (const entity of space.entities) {
      if (entity.ids) {
        part.entityTypes[entity.name] = {enum: entity.ids};
        continue;
      }
      const body = {};
      if (entity.parents.length > 0 || random.chance(0.5)) body.memberOfTypes = entity.parents;
      if (Object.keys(entity.attributes).length > 0 || random.chance(0.5)) {
        body.shape = entity.shape ? {type: entity.shape.full} : recordJson(entity.attributes);
      }
      if (entity.tags) body.tags = typeJson(entity.tags);
      part.entityTypes[entity.name] = body;
    }
    for (const action of space.actions) {
      const body = {};
      if (action.parents.length > 0 || random.chance(0.3)) {
        body.memberOf = action.parents.map((p) => (random.chance(0.5) ? {id: p.id} : {type: p.type, id: p.id}));
      }
      if (action.applies) {
        const {principals, resources, context, common} = action.applies;
        body.appliesTo = {principalTypes: principals, resourceTypes: resources,
          context: common ? {type: common.full} : recordJson(context.attributes)};
      }
      part.actions[action.id] = body;
    }
    out[space.name] = part;
  }
  return out;
}
