// What is written down about the code and can be checked, is checked here. Each rule carries its reason as its message
// where it is our own. `npm run lint` runs it; tools/lint-walls.spec.ts shows that the walls and limits bite.
import tseslint from 'typescript-eslint';
import { wallRules, walls } from './tools/lint-walls.js';

const TESTS = ['**/*.spec.ts', '**/*.fixture.ts', 'test/**/*.ts', 'libs/testing/**/*.ts'];

/** Files that may be longer than the limits, each with its reason. */
const LONG_FILES = [];
/** Files with a function that may be longer than the limit, each with its reason. */
const LONG_FUNCTIONS = [];

const CLOCK =
  "The host's clock serves only what the outside world defines by it (GEN-4): use clock_timestamp() in SQL for leases, due times and retention, performance.now() for deadlines. Where this is such a place, disable this line and say why.";
const MESSAGE =
  'No decision reads message text (GEN-7): judge by code, class or type. Where the text is only told, disable this line and say why.';
const SKIPPED = 'A skipped or focused test proves nothing: make it pass or remove it.';
const SLEEP = 'A test waits for a signal or with eventually(), never for a time.';

const clockRules = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: CLOCK },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK },
];
const READS_TEXT = '/^(includes|startsWith|endsWith|match|matchAll|search|indexOf|localeCompare)$/';
const messageRules = [
  "BinaryExpression[operator=/^[!=]=/] > MemberExpression[property.name='message']",
  "SwitchStatement > MemberExpression.discriminant[property.name='message']",
  "CallExpression[callee.property.name=/^(test|exec)$/] > MemberExpression.arguments[property.name='message']",
  "CallExpression[callee.property.name=/^(test|exec)$/] > Identifier.arguments[name='message']",
  `CallExpression > MemberExpression.callee[property.name=${READS_TEXT}] > MemberExpression.object[property.name='message']`,
  `CallExpression > MemberExpression.callee[property.name=${READS_TEXT}] > Identifier.object[name='message']`,
].map((selector) => ({ selector, message: MESSAGE }));
const testRules = [
  {
    selector: 'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(skip|only|todo|failing)$/]',
    message: SKIPPED,
  },
  { selector: 'CallExpression[callee.name=/^(xit|xtest|xdescribe|fit|fdescribe)$/]', message: SKIPPED },
  { selector: 'AwaitExpression > CallExpression[callee.name=/^(sleep|delay|setTimeout)$/]', message: SLEEP },
  {
    selector:
      "NewExpression[callee.name='Promise'] > ArrowFunctionExpression > CallExpression.body[callee.name='setTimeout']",
    message: SLEEP,
  },
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.local/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { walls },
    rules: {
      ...wallRules,
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true, IIFEs: true }],
      'no-restricted-syntax': ['error', ...clockRules, ...messageRules],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'separate-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
    },
  },
  { files: TESTS, rules: { 'max-lines': 'off', 'max-lines-per-function': 'off', 'no-restricted-syntax': 'off' } },
  {
    files: TESTS,
    ignores: ['libs/testing/**'],
    rules: { 'no-restricted-syntax': ['error', ...testRules] },
  },
  // A migration is one long statement list that is never edited again.
  { files: ['**/migrations/**/*.ts'], rules: { 'max-lines': 'off', 'max-lines-per-function': 'off' } },
  // These speak to a person at a terminal.
  {
    files: ['infra/**/*.ts', 'tools/**/*.ts', 'demo/**/*.ts', 'test/**/*.ts', 'apps/assayctl/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  ...LONG_FILES.map((file) => ({ files: [file], rules: { 'max-lines': 'off' } })),
  ...LONG_FUNCTIONS.map((file) => ({ files: [file], rules: { 'max-lines-per-function': 'off' } })),
);
