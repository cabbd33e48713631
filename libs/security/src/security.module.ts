import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationShutdown } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { ApiKeyRing } from './api-keys.js';

export interface SecurityModuleOptions {
  /** Path of the key file ({@link ApiKeyRing}). */
  api_keys_file: string;
}

/** Guards every HTTP route of the service. */
@Module({})
export class SecurityModule implements OnApplicationShutdown {
  constructor(@Inject(ApiKeyRing) private readonly keys: ApiKeyRing) {}

  static register({ api_keys_file }: SecurityModuleOptions): DynamicModule {
    return {
      module: SecurityModule,
      global: true,
      providers: [
        { provide: ApiKeyRing, useFactory: () => new ApiKeyRing(api_keys_file) },
        AccessGuard,
        { provide: APP_GUARD, useExisting: AccessGuard },
      ],
      exports: [AccessGuard, ApiKeyRing],
    };
  }

  onApplicationShutdown(): void {
    this.keys.close();
  }
}
