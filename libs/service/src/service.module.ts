import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Liveness, Readiness } from './health.js';
import { Shutdown } from './shutdown.js';

/** Who this process is: the service's name and the replica's. */
export class ServiceIdentity {
  constructor(
    readonly name: string,
    readonly instance: string,
  ) {}
}

/** What every part of a service may ask for: {@link Readiness}, {@link Liveness}, {@link Shutdown}, its identity. */
@Module({})
export class ServiceModule {
  static register(identity: { name: string; instance: string }): DynamicModule {
    return {
      module: ServiceModule,
      global: true,
      providers: [
        Readiness,
        Liveness,
        Shutdown,
        { provide: ServiceIdentity, useValue: new ServiceIdentity(identity.name, identity.instance) },
      ],
      exports: [Readiness, Liveness, Shutdown, ServiceIdentity],
    };
  }
}
