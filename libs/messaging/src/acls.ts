import { SERVICE_NAMES, topicName, TOPICS } from '@assay/contracts';
import type { ServiceName } from '@assay/contracts';
import kafkajs from 'kafkajs';
import type { AclEntry } from 'kafkajs';

// Node does not see these among the names that a CommonJS module exports.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

export type AclOperation = 'READ' | 'WRITE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS' | 'CREATE' | 'ALTER';

/** What one principal may do with one resource; what no grant names is refused. */
export interface Grant {
  /** A service, or the command that makes the topics. */
  to: ServiceName | 'topics';
  principal: string;
  resource: 'TOPIC' | 'GROUP';
  pattern: 'LITERAL' | 'PREFIXED';
  name: string;
  operations: readonly AclOperation[];
}

/** `{service}` stands for the service's name. */
export const USUAL_PRINCIPAL = 'User:assay-{service}';

/**
 * What each service's principal needs of the cluster, by the one list of topics (SEC-7): its topics, to write or to
 * read, with their settings, which it checks at start, and its own consumer group.
 */
export function grantsOf(prefix: string, principal = USUAL_PRINCIPAL): Grant[] {
  const principalOf = (to: Grant['to']): string => principal.replaceAll('{service}', to);
  const all = { to: 'topics', principal: principalOf('topics'), pattern: 'PREFIXED' } as const;
  return [
    ...SERVICE_NAMES.flatMap((to) => grantsOfService(to, principalOf(to), prefix)),
    { ...all, resource: 'TOPIC', name: `${prefix}.`, operations: ['CREATE', 'DESCRIBE', 'ALTER'] },
  ];
}

function grantsOfService(to: ServiceName, principal: string, prefix: string): Grant[] {
  const own = { to, principal, pattern: 'LITERAL' } as const;
  const topics = TOPICS.flatMap(({ type, producers, consumers }): Grant[] => {
    const operations: AclOperation[] = [];
    if (producers.includes(to)) operations.push('WRITE');
    if (consumers.includes(to)) operations.push('READ');
    if (operations.length === 0) return [];
    operations.push('DESCRIBE', 'DESCRIBE_CONFIGS');
    return [{ ...own, resource: 'TOPIC', name: topicName(prefix, type), operations }];
  });
  return [...topics, { ...own, resource: 'GROUP', name: groupName(prefix, to), operations: ['READ', 'DESCRIBE'] }];
}

/** A service's consumer group unless another is set. With the prefix: members of one group subscribe to the same topics. */
export function groupName(prefix: string, service: string): string {
  return `${prefix}.${service}`;
}

/** For `createAcls` of kafkajs' admin. */
export function aclEntries(grants: readonly Grant[]): AclEntry[] {
  return grants.flatMap(({ principal, resource, pattern, name, operations }) =>
    operations.map((operation) => ({
      ...{ principal, host: '*', resourceName: name, permissionType: AclPermissionTypes.ALLOW },
      resourceType: AclResourceTypes[resource],
      resourcePatternType: ResourcePatternTypes[pattern],
      operation: AclOperationTypes[operation],
    })),
  );
}

const SPOKEN: Readonly<Record<AclOperation, string>> = {
  READ: 'Read',
  WRITE: 'Write',
  DESCRIBE: 'Describe',
  DESCRIBE_CONFIGS: 'DescribeConfigs',
  CREATE: 'Create',
  ALTER: 'Alter',
};

/** One line for Kafka's own `kafka-acls.sh` a grant; where it finds the cluster is its caller's business. */
export function aclCommands(grants: readonly Grant[]): string[] {
  return grants.map(({ principal, resource, pattern, name, operations }) =>
    [
      `kafka-acls.sh --bootstrap-server "$BROKERS" --command-config "$CLIENT" --add --allow-principal ${quoted(principal)}`,
      ...operations.map((operation) => `--operation ${SPOKEN[operation]}`),
      `--${resource.toLowerCase()} ${quoted(name)} --resource-pattern-type ${pattern.toLowerCase()}`,
    ].join(' '),
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
