import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { KAFKA_VERSION } from '../../infra/local/kafka-installation.js';

interface ComposeService {
  image: string;
  environment: Record<string, string | number>;
  ports: string[];
  volumes: string[];
}

const root = join(import.meta.dirname, '..', '..');
const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8')) as {
  services: { kafka: ComposeService; postgres: ComposeService };
};

describe('docker-compose.yml', () => {
  it('runs the same Kafka as the local stack, which creates no topic by itself', () => {
    expect(compose.services.kafka.image).toBe(`apache/kafka:${KAFKA_VERSION}`);
    expect(compose.services.kafka.environment['KAFKA_AUTO_CREATE_TOPICS_ENABLE']).toBe('false');
  });

  it('has no default for any password', () => {
    const passwords = Object.entries(compose.services.postgres.environment).filter(([name]) =>
      name.endsWith('PASSWORD'),
    );
    expect(passwords).toHaveLength(5);
    for (const [, value] of passwords) expect(value).toMatch(/^\$\{[A-Z_]+:\?/);
  });

  it('makes roles and schemas by the files of infra/postgres', () => {
    const scripts = compose.services.postgres.volumes.filter((volume) =>
      volume.includes('/docker-entrypoint-initdb.d/'),
    );
    const mounted = scripts.map((volume) => volume.split(':')[0] ?? '');
    expect(mounted).toEqual(['roles.sql', 'schemas.sql', 'passwords.sh'].map((name) => `./infra/postgres/${name}`));
    for (const path of mounted) expect(readFileSync(join(root, path), 'utf8')).not.toBe('');
  });

  it('listens on this machine alone', () => {
    const ports = [...compose.services.kafka.ports, ...compose.services.postgres.ports];
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});
