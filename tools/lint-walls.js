// The walls between the parts, as ESLint rules: one rule per wall, its reason as the message. JavaScript, because
// ESLint loads it before anything is compiled. `lint-walls.spec.ts` shows that each one bites.
import { dirname, relative, resolve, sep } from 'node:path';

const REPOSITORY = resolve(import.meta.dirname, '..');

/** From top to bottom: a part may import what stands below it, never what stands beside or above. */
const LAYERS = [
  'messaging',
  'work-queue',
  'postgres',
  'service',
  'observability',
  'providers-file',
  'security',
  'submission',
  'review-engine',
];
const FREE_STANDING = ['audit-log', 'contracts', 'provider', 'review-engine'];
const FRAMEWORKS = /^(@nestjs\/|@opentelemetry\/|typeorm$|pg$|kafkajs$|fastify$|winston$|undici$)/;
/** Folders that run or test the product and are no part of it. */
const OUTSIDE = ['infra', 'test', 'tools', 'demo', 'examples'];

/** @typedef {{ room: string, name: string, rest: string }} Part  `libs/postgres/src/a.ts`: room `libs`, name `postgres`, rest `src/a.ts` */

/** @param {string} path @returns {Part} */
function partAt(path) {
  const [room = '', name = '', ...rest] = relative(REPOSITORY, path).split(sep);
  return { room, name, rest: rest.join('/') };
}

/** @param {string} file @param {string} specifier @returns {Part | null} null for a package that is not ours */
function partImported(file, specifier) {
  if (specifier.startsWith('.')) return partAt(resolve(dirname(file), specifier));
  const alias = /^@assay\/([^/]+)(?:\/(.*))?$/.exec(specifier);
  return alias ? { room: 'libs', name: alias[1] ?? '', rest: alias[2] ?? 'src/index.js' } : null;
}

const isSame = (a, b) => a.room === b.room && a.name === b.name;
const isTest = (from) =>
  from.room === 'test' || (from.room === 'libs' && from.name === 'testing') || /\.(spec|fixture)\.ts$/.test(from.rest);

/** Each wall answers whether this import breaks it: `from` and `to` are parts, `to` is null for a package. */
export const WALLS = {
  'imports-point-down': {
    reason:
      'Imports point down: apps, messaging, work-queue, postgres, service, observability, providers-file, security, submission, then contracts and review-engine. A part that imports upwards cannot be understood, tested or replaced alone.',
    broken: (from, to) => {
      if (!to || isTest(from) || isSame(from, to) || !['apps', 'libs'].includes(from.room)) return false;
      if (OUTSIDE.includes(to.room)) return true;
      if (from.room !== 'libs') return false;
      if (to.room === 'apps') return true;
      return LAYERS.includes(to.name) && LAYERS.indexOf(to.name) <= LAYERS.indexOf(from.name);
    },
  },
  'apps-stay-apart': {
    reason:
      'An app never imports another app: services deploy alone and speak by events only. What two of them need belongs in a lib.',
    broken: (from, to) => from.room === 'apps' && to?.room === 'apps' && !isSame(from, to),
  },
  'testing-only-from-tests': {
    reason:
      '@assay/testing starts Kafka and Postgres: only tests may import it, or a service would carry it into production.',
    broken: (from, to) => to?.room === 'libs' && to.name === 'testing' && !isTest(from),
  },
  'contracts-and-engine-stand-alone': {
    reason:
      'audit-log, contracts, provider and review-engine import nothing of ours and no framework: other programs use them as they are, a verifier has to be read in an hour, and the engine has to stay a pure function.',
    broken: (from, to, specifier) => {
      if (from.room !== 'libs' || !FREE_STANDING.includes(from.name)) return false;
      if (isTest(from)) return Boolean(to) && !isSame(from, to) && to.name !== 'testing';
      return to ? !isSame(from, to) : FRAMEWORKS.test(specifier);
    },
  },
  'in-through-index': {
    reason:
      "A lib's public face is its src/index.ts, imported as @assay/<lib>. A path past it binds you to what its owner may change at any time.",
    broken: (from, to, specifier) =>
      to?.room === 'libs' && !isSame(from, to) && (specifier.startsWith('.') || to.rest !== 'src/index.js'),
  },
  'kafka-behind-its-port': {
    reason:
      'Only libs/messaging knows kafkajs: services publish and consume through its port, so that the client can be replaced in one place.',
    broken: (from, to, specifier) =>
      specifier === 'kafkajs' && ['apps', 'libs'].includes(from.room) && from.name !== 'messaging' && !isTest(from),
  },
};

function ruleOf({ reason, broken }) {
  return {
    meta: { type: 'problem', docs: { description: reason }, schema: [], messages: { wall: reason } },
    create(context) {
      const from = partAt(context.filename);
      const check = (source) => {
        if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
        if (broken(from, partImported(context.filename, source.value), source.value))
          context.report({ node: source, messageId: 'wall' });
      };
      return {
        ImportDeclaration: (node) => check(node.source),
        ExportNamedDeclaration: (node) => check(node.source),
        ExportAllDeclaration: (node) => check(node.source),
        ImportExpression: (node) => check(node.source),
        TSImportType: (node) => check(node.source ?? node.argument?.literal),
      };
    },
  };
}

export const walls = {
  meta: { name: 'walls' },
  rules: Object.fromEntries(Object.entries(WALLS).map(([name, wall]) => [name, ruleOf(wall)])),
};

export const wallRules = Object.fromEntries(Object.keys(WALLS).map((name) => [`walls/${name}`, 'error']));
