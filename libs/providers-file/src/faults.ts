import { fixedSecret, isForbiddenAddress, isSecretReference, resolveSecret } from '@assay/security';
import type { SecretCheck, SecretSource } from '@assay/security';
import type { ErrorObject } from 'ajv/dist/2020.js';

/** What can be wrong with a providers file, each with what mends it. Closed: no fault bears another code. */
export const FAULT_CURES = {
  not_utf8: 'Save it as UTF-8.',
  not_json: 'Write one JSON object. A quotation mark, a comma or a bracket is often what is missing.',
  unknown_member: 'Remove it or mend its spelling; docs/schemas/providers-file.json lists the members that there are.',
  missing: 'Add it.',
  invalid: 'Write it as docs/schemas/providers-file.json says.',
  name_invalid: 'Use a name of this form.',
  name_taken: 'Give it another name.',
  not_a_reference: 'Write env:NAME, file:/path or vault:mount/path#key, and keep the value there.',
  secret_missing:
    'Set the variable, or put the file, where the notifier runs, or the secret into the vault; docs/secrets.md.',
  secret_unusable: 'Put a value of this form where the reference leads.',
  url_invalid: 'Write an http or https URL with a host.',
  address_forbidden: 'Name a host of your own: no request may reach link-local and metadata addresses.',
  header_reserved: 'Remove it: the notifier sets this header for each request.',
  placeholder_unknown: 'Use one of the placeholders that docs/providers.md lists.',
  provider_unknown: 'Name smtp or one of the services under mail_api, or add the one that is meant.',
  module_missing: 'Put the module there, or mend its path.',
  module_refused: 'Mend the module, or its settings; docs/providers.md says what it has to export.',
} as const;
export type FaultCode = keyof typeof FAULT_CURES;

/** One thing that is wrong with a providers file. It repeats no value that may be secret. */
export interface ProvidersFault {
  code: FaultCode;
  /** JSON pointer (RFC 6901) to the place; empty for the file as a whole. */
  pointer: string;
  /** The entry, by its destination's name: `smtp`, `webhook:release-bot`; null where it is no entry's. */
  entry: string | null;
  message: string;
  cure: string;
}

/** Every fault of a file at once; the message has one a line, each with its pointer. */
export class ProvidersFileError extends Error {
  constructor(readonly faults: readonly ProvidersFault[]) {
    super(faults.map(({ pointer, message }) => `${pointer || '/'}: ${message}`).join('\n'));
    this.name = 'ProvidersFileError';
  }
}

export function faultAt(code: FaultCode, pointer: string, message: string): ProvidersFault {
  return { code, pointer, entry: entryAt(pointer), message, cure: FAULT_CURES[code] };
}

const ENTRIES: [RegExp, string][] = [
  [/^\/(smtp)(?:\/|$)/, ''],
  [/^\/webhook\/endpoints\/([^/]+)/, 'webhook:'],
  [/^\/slack\/hooks\/([^/]+)/, 'slack:'],
  [/^\/mail_api\/services\/([^/]+)/, 'mail_api:'],
  [/^\/mail\/domains\/([^/]+)/, 'mail:'],
  [/^\/own\/([^/]+)/, ''],
];

function entryAt(pointer: string): string | null {
  for (const [form, prefix] of ENTRIES) {
    const name = form.exec(pointer)?.[1];
    if (name !== undefined) return prefix + name.replaceAll('~1', '/').replaceAll('~0', '~');
  }
  return null;
}

/** A member's name as a part of a pointer. */
export function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Where an alternative fails, what is wrong with each of them says more; of a bad name its pattern says less. */
export function tellsMost({ keyword, propertyName }: ErrorObject): boolean {
  return !['oneOf', 'anyOf'].includes(keyword) && propertyName === undefined;
}

/** What the schema's patterns for names ask for, by where the names stand. */
const NAME_FORMS: [RegExp, string][] = [
  [/^\/own$/, 'x- comes first, and then small letters, digits and single hyphens'],
  [/\/(?:secret_)?headers$/, 'small letters, digits and hyphens, 60 at most'],
  [/^\/mail\/domains$/, 'a domain in small letters'],
];
const USUAL_NAME =
  'a letter or digit comes first, and then letters, digits, dots, underscores and hyphens, 100 at most';

function nameFormAt(place: string): string {
  return NAME_FORMS.find(([where]) => where.test(place))?.[1] ?? USUAL_NAME;
}

/** Patterns that say little to who reads them. */
const PATTERNS: Record<string, string> = { '^/': 'must begin with a /', '\\S': 'must not be empty' };

export function schemaFault({ instancePath, keyword, params, message }: ErrorObject): ProvidersFault {
  const named = params as Record<string, string>;
  const below = (name: string) => `${instancePath}/${pointerPart(name)}`;
  switch (keyword) {
    case 'additionalProperties':
      return faultAt('unknown_member', below(named['additionalProperty']!), 'no such member');
    case 'required':
    case 'dependentRequired':
      return faultAt('missing', below(named['missingProperty']!), 'is missing');
    case 'propertyNames':
      return faultAt('name_invalid', below(named['propertyName']!), `is no name here: ${nameFormAt(instancePath)}`);
    case 'pattern':
      return faultAt('invalid', instancePath, PATTERNS[named['pattern']!] ?? message!);
    case 'enum':
      return faultAt('invalid', instancePath, `must be one of ${(params['allowedValues'] as string[]).join(', ')}`);
    default:
      return faultAt('invalid', instancePath, message ?? 'is not as the schema says');
  }
}

export interface SecretsOf {
  env: NodeJS.ProcessEnv;
  /** False: references are judged by their form alone, for who has the file and not the secrets. */
  resolve: boolean;
}

/** What is wrong so far, and what is needed to find more of it: entries that are well formed are looked into further. */
export class Faults {
  /** Every secret that was resolved, to be closed with what is made of the file. */
  readonly secrets: SecretSource[] = [];

  constructor(
    private readonly found: ProvidersFault[],
    private readonly secretsOf: SecretsOf,
  ) {}

  add(code: FaultCode, pointer: string, message: string): void {
    this.found.push(faultAt(code, pointer, message));
  }

  at(place: string): boolean {
    return this.found.some(({ pointer }) => pointer === place);
  }

  within(place: string): boolean {
    return this.found.some(({ pointer }) => pointer === place || pointer.startsWith(`${place}/`));
  }

  secret(reference: string, pointer: string, check: SecretCheck = () => undefined): SecretSource | null {
    const { env, resolve } = this.secretsOf;
    if (resolve || !isSecretReference(reference)) return this.#resolved(reference, pointer, env, check);
    return fixedSecret('');
  }

  url(text: string, pointer: string): URL {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null) this.add('url_invalid', pointer, 'is no URL');
    else if (isForbiddenAddress(hostOf(url))) this.forbidden(pointer);
    return url ?? new URL('http://invalid.invalid');
  }

  forbidden(pointer: string): void {
    this.add('address_forbidden', pointer, 'names a link-local or metadata address');
  }

  throwIfAny(): void {
    if (this.found.length === 0) return;
    for (const secret of this.secrets) secret.close();
    const told = new Map(this.found.map((fault) => [`${fault.pointer} ${fault.message}`, fault]));
    throw new ProvidersFileError([...told.values()]);
  }

  #resolved(reference: string, pointer: string, env: NodeJS.ProcessEnv, check: SecretCheck): SecretSource | null {
    let refused = false;
    const noting: SecretCheck = (value) => {
      refused = true;
      check(value);
      refused = false;
    };
    try {
      const secret = resolveSecret(reference, env, noting);
      this.secrets.push(secret);
      return secret;
    } catch (error) {
      const code = !isSecretReference(reference) ? 'not_a_reference' : refused ? 'secret_unusable' : 'secret_missing';
      this.add(code, pointer, (error as Error).message);
      return null;
    }
  }
}

export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');
